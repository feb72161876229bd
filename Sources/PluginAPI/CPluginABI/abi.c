/* Including the header here makes SwiftPM rebuild everything after an edit of it;
 * COMFYD_PLUGIN_NO_NOTE keeps the note out of libPluginAPI.so. */
#define COMFYD_PLUGIN_NO_NOTE
#include "comfyd_plugin_abi.h"
