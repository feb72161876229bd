"""Opens a page in headless Chromium, runs a script there, and prints what it gave and what the page did.

usage: browser.py ADDRESS SCRIPT_FILE SECONDS

The script is the body of an asynchronous function; its return value must be JSON. Printed is one JSON object:
  value     what the script returned
  error     what it threw, as text
  console   what the page reported: {"level", "message"} each, errors of the network and of its policy included
  requests  the address of each request that was sent, in order
"""

import json
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

WRAPPED = """
const done = arguments[arguments.length - 1];
(async () => {%s
})().then(value => done({value: value === undefined ? null : value}), error => done({error: String(error)}));
"""


def options(profile):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        # Chromium refuses to run as root with its sandbox; only pages of the tests are opened.
        "--no-sandbox",
        # Containers have a small /dev/shm.
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        # No name but this machine's is looked up, so that nothing of the browser itself goes out either.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        "--window-size=1280,1024",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return options


def requests(driver):
    """The addresses that the page asked for; `data:` and `blob:` are in it already."""
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            address = message["params"]["request"]["url"]
        elif message["method"] == "Network.webSocketCreated":
            address = message["params"]["url"]
        else:
            continue
        if not address.startswith(("data:", "blob:")):
            yield address


def main(address, script_file, seconds):
    with open(script_file, encoding="utf-8") as file:
        script = file.read()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = webdriver.Chrome(options=options(profile), service=Service("/usr/bin/chromedriver"))
        try:
            driver.set_page_load_timeout(seconds)
            driver.set_script_timeout(seconds)
            # What the browser shows when it starts is not the page's.
            driver.get("about:blank")
            driver.get_log("performance")
            driver.get(address)
            answer = driver.execute_async_script(WRAPPED % script)
            answer["console"] = [
                {"level": entry["level"], "message": entry["message"]} for entry in driver.get_log("browser")
            ]
            answer["requests"] = list(requests(driver))
        finally:
            driver.quit()
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
