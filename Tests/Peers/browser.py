"""Walks through the demo's page in Chromium, with its virtual authenticator: password, passkey added, signed out, passkey,
the same user, passkey deleted. Says each step; ends with 1 at the first that fails.

usage: browser.py PAGE-URL
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import websockets

STEP_SECONDS = 20


class Page:
    """One tab, spoken to by the DevTools protocol."""

    def __init__(self, socket):
        self.socket = socket
        self.last = 0

    async def send(self, method, **parameters):
        self.last += 1
        await self.socket.send(json.dumps({"id": self.last, "method": method, "params": parameters}))
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), STEP_SECONDS))
            if message.get("id") == self.last:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]

    async def evaluate(self, expression):
        answer = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise SystemExit(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def until(self, text):
        """Until the page says `text` and takes clicks again; ends at once when it says that something failed."""
        seen = await self.evaluate(
            """new Promise((done) => {
              const line = document.getElementById("status");
              const settled = () =>
                (line.textContent === %s || line.className === "bad") && !document.querySelector("button:disabled");
              if (settled()) return done(line.textContent);
              new MutationObserver((_, watch) => { if (settled()) { watch.disconnect(); done(line.textContent); } })
                .observe(document.body, { childList: true, attributes: true, characterData: true, subtree: true });
            })"""
            % json.dumps(text)
        )
        if seen != text:
            raise SystemExit(f"✗ wanted {text!r}, the page says {seen!r}")

    async def click(self, selector):
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def text(self, selector):
        return await self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


def expect(seen, wanted, what):
    if seen != wanted:
        raise SystemExit(f"✗ {what}: {seen!r}, not {wanted!r}")


async def walk(page, url):
    await page.send("Page.enable")
    await page.send("WebAuthn.enable")
    # As Corbado recommends for tests: a platform authenticator that verifies its user without asking.
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await page.send("WebAuthn.addVirtualAuthenticator", options=options)
    await page.send("Page.navigate", url=url)
    await page.evaluate(
        """new Promise((done) => { if (document.readyState === "complete") done(); else addEventListener("load", done); })"""
    )

    await page.click("#password-form button")
    await page.until("Signed in with your password.")
    user = await page.text("#user-id")
    print(f"  ✓ a password signs in; the app sees {user}")

    await page.click("#append")
    await page.until("Passkey added. Sign out and use it.")
    expect(await page.evaluate("document.querySelectorAll('#passkeys button').length"), 1, "passkeys in the list")
    print("  ✓ a passkey is made by the browser, and listed")

    await page.click("#sign-out")
    await page.until("Signed out: the token is worth nothing any more.")
    expect(await page.evaluate("document.getElementById('signed-in').hidden"), True, "the signed-in part is hidden")
    print("  ✓ signed out")

    await page.click("#passkey-login")
    await page.until("Signed in with your passkey.")
    expect(await page.text("#user-id"), user, "the user after the passkey")
    expect(await page.text("#verdict"), "The app sees the same user as with your password.", "the page's verdict")
    print(f"  ✓ the passkey signs in; the app sees the same user, {user}")

    await page.click("#passkeys button")
    await page.until("Passkey deleted.")
    expect(await page.text("#passkeys"), "None yet.", "the list")
    print("  ✓ the passkey is deleted")


async def main(url):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("needs Chromium (Debian: chromium)")
    with tempfile.TemporaryDirectory() as profile:
        arguments = [chromium, "--headless=new", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        # Chromium's own sandbox does not run for root.
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        browser = subprocess.Popen([*arguments, "about:blank"], stderr=subprocess.PIPE, text=True)
        try:
            # It says where it listens: DevTools listening on ws://127.0.0.1:PORT/…
            port = next(line.split(":")[2].split("/")[0] for line in browser.stderr if "DevTools listening on" in line)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=STEP_SECONDS) as answer:
                target = next(one for one in json.load(answer) if one["type"] == "page")
            async with websockets.connect(target["webSocketDebuggerUrl"], max_size=None) as socket:
                await walk(Page(socket), url)
        finally:
            browser.kill()
            browser.wait()


asyncio.run(main(sys.argv[1]))
