"""Somebody at a browser: goes through the pages that link a mailbox in a real Chromium, and tells what it ends at.

Usage: browser.py URL ACCOUNT BUTTON, where BUTTON is the id of what is pressed on the consent page.
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time

DEADLINE = time.monotonic() + 100


class Chromium:
    """Chromium, by its debugging pipe: it reads commands from 3 and writes answers to 4, each ended by a NUL.
    https://chromedevtools.github.io/devtools-protocol/"""

    def __init__(self, profile):
        own, theirs = (os.pipe(), os.pipe())
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (own[0], theirs[1], own[1], theirs[0])]
        for end in own + theirs:
            os.close(end)
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        # The simulator's certificate is of an authority of its own.
        command += ["--ignore-certificate-errors", "--no-first-run", "--remote-debugging-pipe"]
        command += ["--disable-background-networking", "--user-data-dir=" + profile, "about:blank"]
        self.process = subprocess.Popen(
            command, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for end in (3, 4, high[0], high[1]):
            os.close(end)
        self.commands = os.fdopen(high[2], "wb", buffering=0)
        self.answers = os.fdopen(high[3], "rb", buffering=0)
        self.rest = b""
        self.number = 0
        self.session = None
        self.complaints = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Log.enable")

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("method") == "Log.entryAdded":
                self.complain(answer["params"]["entry"])
            if answer.get("id") == self.number:
                return answer.get("result", {})

    def complain(self, entry):
        """Of our own page; the simulator's have no icon, for example."""
        if entry.get("url", "").startswith("http://127.0.0.1:"):
            self.complaints.append(entry["text"])

    def next(self):
        while b"\0" not in self.rest:
            read = os.read(self.answers.fileno(), 65536)
            if not read:
                sys.exit("Chromium ended")
            self.rest += read
        answer, self.rest = self.rest.split(b"\0", 1)
        return json.loads(answer)

    def value(self, expression):
        """None while there is no page that could say."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return result.get("result", {}).get("value")

    def until(self, expression):
        while not self.value(f"document.readyState === 'complete' && !!({expression})"):
            if time.monotonic() > DEADLINE:
                sys.exit(f"no {expression} on {self.value('document.documentElement.outerHTML')}")
            time.sleep(0.05)

    def press(self, button):
        self.until(f"document.getElementById({button!r})")
        self.value(f"document.getElementById({button!r}).click()")


def main():
    url, account, button = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        chromium = Chromium(profile)
        try:
            chromium.ask("Page.navigate", url=url)
            chromium.until("document.getElementById('account')")
            chromium.value(f"document.getElementById('account').value = {account!r}")
            chromium.press("next")
            chromium.press(button)
            chromium.until("document.querySelector('.verdict')")
            seen = {
                "text": chromium.value("document.body.innerText"),
                "scripts": chromium.value("document.scripts.length"),
                # Our style, which the page's own policy has to let through.
                "laid_out": chromium.value("getComputedStyle(document.querySelector('.verdict')).display"),
                "complaints": chromium.complaints,
            }
        finally:
            chromium.process.kill()
            chromium.process.wait()
    print("SEEN " + json.dumps(seen), file=sys.stderr)


main()
