/* The only thing a host and a plugin must agree on before any Swift type crosses.
 *
 * All of it is compiled INTO the plugin: macros, one static constant and static inline
 * functions.  A plugin therefore carries the values of the headers it was built with, and
 * not those of the libPluginAPI.so that it happens to meet at run time. */
#ifndef COMFYD_PLUGIN_ABI_H
#define COMFYD_PLUGIN_ABI_H
#include <stdint.h>

#define COMFYD_PLUGIN_MAGIC 0x434F4D46u

/* MAJOR: an old plugin binary can no longer work (a declaration was removed or changed).
 * MINOR: something was added, so a plugin that needs it is refused by an older host.
 * Tests/guards/check-abi.sh fails when PluginAPI changed and these did not. */
#ifndef COMFYD_PLUGIN_ABI_MAJOR
#define COMFYD_PLUGIN_ABI_MAJOR 1
#endif
#ifndef COMFYD_PLUGIN_ABI_MINOR
#define COMFYD_PLUGIN_ABI_MINOR 4
#endif

typedef struct comfyd_plugin_note {
    uint32_t magic;
    uint32_t size; /* sizeof(comfyd_plugin_note), so that the tail can grow */
    uint16_t abi_major, abi_minor;
    uint32_t pointer_bits;
    char compiler[128]; /* the Swift compiler's clang: changes with every release */
} comfyd_plugin_note;

/* Gives one retained PluginBox. */
typedef void *(*comfyd_plugin_create_fn)(void);

typedef struct comfyd_plugin_descriptor {
    const comfyd_plugin_note *note;
    comfyd_plugin_create_fn create;
} comfyd_plugin_descriptor;

#ifndef COMFYD_PLUGIN_NO_NOTE
/* Lands in section .comfyd.abi of whatever references it, so that the host can read it from
 * the file before dlopen. */
__attribute__((section(".comfyd.abi"), used))
static const comfyd_plugin_note comfyd_plugin_note_here = {
    COMFYD_PLUGIN_MAGIC, sizeof(comfyd_plugin_note),
    COMFYD_PLUGIN_ABI_MAJOR, COMFYD_PLUGIN_ABI_MINOR, 8 * sizeof(void *), __VERSION__
};

static inline const comfyd_plugin_note *comfyd_plugin_note_get(void) { return &comfyd_plugin_note_here; }

static inline void comfyd_plugin_declare(comfyd_plugin_descriptor *descriptor, comfyd_plugin_create_fn create) {
    descriptor->note = &comfyd_plugin_note_here;
    descriptor->create = create;
}
#endif
#endif
