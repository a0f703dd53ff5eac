extension DemoPage {
  static let script = #"""
    "use strict";

    const settings = JSON.parse(document.getElementById("settings").textContent);
    const element = (id) => document.getElementById(id);
    // Kept in memory only: it is gone with the page.
    let accessToken = null;
    let method = null;
    // Whom the app saw after the last password, to compare with the passkey's user.
    let passwordUser = null;

    // ---- the wire ----

    async function call(url, { body, token, fields = {}, credentials = "same-origin" } = {}) {
      const headers = { ...fields };
      if (body !== undefined) headers["content-type"] = "application/json";
      if (token) headers["authorization"] = `Bearer ${token}`;
      const answer = await fetch(url, {
        method: body === undefined ? "GET" : "POST", headers, credentials, body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      let json = null;
      try { json = JSON.parse(text); } catch { /* some refusals are plain text */ }
      if (!answer.ok) throw new Error(reason(json) ?? `${answer.status} ${text.slice(0, 120)}`);
      return json;
    }

    function reason(json) {
      if (typeof json?.error === "string") return json.error;
      const violation = json?.error?.validation?.[0];
      return violation ? `${violation.field}: ${violation.message}` : json?.error?.type;
    }

    const login = (email, password) => call(`${settings.login}/login`, { body: { email, password } });
    const connectToken = async (type) =>
      (await call("/auth/createConnectToken", { token: accessToken, body: { connectTokenType: type } })).connectToken;
    const completeLogin = async (signedPasskeyData) =>
      (await call("/auth/completeLogin", { body: { signedPasskeyData } })).accessToken;

    // Corbado's Frontend API: an init, then calls that carry its process ID.
    async function startProcess(kind) {
      const body = { clientInformation: { userAgent: navigator.userAgent }, flags: {} };
      const opened = await frontend(`${kind}/init`, body, null);
      return { opened, id: opened.processID ?? opened.token };
    }

    const frontend = (path, body, process) =>
      call(`${settings.emulator}/v2/connect/${path}`, {
        body, credentials: "include", fields: process ? { "x-corbado-process-id": process } : {},
      });

    // ---- WebAuthn as JSON: the browser's helpers, or a shim for those that lack them ----

    const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const toText = (buffer) =>
      btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    const withBytes = (descriptors) => (descriptors ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

    function creationOptions(json) {
      if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
      return {
        ...json, challenge: toBytes(json.challenge), user: { ...json.user, id: toBytes(json.user.id) },
        excludeCredentials: withBytes(json.excludeCredentials),
      };
    }

    function requestOptions(json) {
      if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
      return { ...json, challenge: toBytes(json.challenge), allowCredentials: withBytes(json.allowCredentials) };
    }

    function credentialText(credential) {
      if (credential.toJSON) return JSON.stringify(credential.toJSON());
      const response = {};
      for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
        if (credential.response[name]) response[name] = toText(credential.response[name]);
      }
      if (credential.response.getTransports) response.transports = credential.response.getTransports();
      return JSON.stringify({
        type: credential.type, id: credential.id, rawId: toText(credential.rawId), response,
        authenticatorAttachment: credential.authenticatorAttachment, clientExtensionResults: credential.getClientExtensionResults(),
      });
    }

    // ---- the four things to do ----

    async function signInWithPassword() {
      const { accessToken: token } = await login(element("email").value, element("password").value);
      await enter(token, "password");
    }

    async function signInWithPasskey() {
      const { opened, id } = await startProcess("login");
      const options = JSON.parse(opened.conditionalUIChallenge).publicKey;
      const credential = await navigator.credentials.get({ publicKey: requestOptions(options) });
      const finished = await frontend(
        "login/finish", { isConditionalUI: true, assertionResponse: credentialText(credential), loadedMs: 0 }, id);
      const problem = finished.fallbackOperationError?.error;
      if (problem?.code === "cui_credential_deleted") {
        PublicKeyCredential.signalUnknownCredential?.({ rpId: options.rpId, credentialId: credential.id });
        throw new Error("This passkey was deleted. Please use your password.");
      }
      if (problem) throw new Error(problem.message);
      await enter(await completeLogin(finished.signedPasskeyData), "passkey");
    }

    async function addPasskey() {
      const { id } = await startProcess("append");
      const started = await frontend("append/start", { appendTokenValue: await connectToken("passkey-append"), loadedMs: 0 }, id);
      const credential = await navigator.credentials.create({
        publicKey: creationOptions(JSON.parse(started.attestationOptions).publicKey),
      });
      await frontend("append/finish", { attestationResponse: credentialText(credential), completionType: "manual" }, id);
      await showPasskeys();
      tell("Passkey added. Sign out and use it.", "good");
    }

    async function deletePasskey(credentialID) {
      const { id } = await startProcess("manage");
      await frontend("manage/delete", { connectToken: await connectToken("passkey-delete"), credentialID }, id);
      await showPasskeys();
      tell("Passkey deleted.", "good");
    }

    async function signOut() {
      await call("/auth/logout", { token: accessToken, body: {} });
      accessToken = null;
      method = null;
      element("signed-in").hidden = true;
      element("signed-out").hidden = false;
      tell("Signed out: the token is worth nothing any more.", "good");
      element("sign-in-title").focus();
    }

    // ---- what the app says ----

    async function enter(token, how) {
      const me = await call("/api/whoami", { token });
      accessToken = token;
      method = how;
      element("user-id").textContent = me.userID ?? "unknown";
      element("user-email").textContent = me.email ?? "";
      element("method").textContent = how;
      showVerdict(how, me.userID);
      element("received").replaceChildren(...(me.fields ?? []).map(({ name, value }) => row(name, value)));
      element("signed-out").hidden = true;
      element("signed-in").hidden = false;
      tell(`Signed in with your ${how}.`, "good");
      element("you-are").focus();
      await showPasskeys();
    }

    function showVerdict(how, user) {
      if (how === "password") passwordUser = user;
      const isSame = user === passwordUser;
      const isCompared = how === "passkey" && passwordUser !== null;
      element("verdict").textContent = !isCompared
        ? "" : isSame ? "The app sees the same user as with your password." : "The app sees another user than with your password.";
      element("verdict").className = isSame ? "good" : "bad";
    }

    function row(name, value) {
      const line = document.createElement("tr");
      for (const text of [name, value]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        line.append(cell);
      }
      return line;
    }

    async function showPasskeys() {
      const list = element("passkeys");
      let passkeys;
      try {
        const { id } = await startProcess("manage");
        passkeys = (await frontend("manage/list", { connectToken: await connectToken("passkey-list"), mode: "default" }, id)).passkeys;
      } catch (error) {
        list.replaceChildren(item(`No list: ${error.message}`));
        return;
      }
      if (passkeys.length === 0) {
        list.replaceChildren(item("None yet."));
        return;
      }
      list.replaceChildren(...passkeys.map((passkey, index) => {
        const line = item(`Passkey ${index + 1}, added ${new Date(passkey.createdMs).toLocaleString()}`);
        const button = document.createElement("button");
        button.textContent = "Delete";
        button.setAttribute("aria-label", `Delete passkey ${index + 1}`);
        button.addEventListener("click", () => run(() => deletePasskey(passkey.id)));
        line.append(button);
        return line;
      }));
    }

    function item(text) {
      const line = document.createElement("li");
      const label = document.createElement("span");
      label.textContent = text;
      line.append(label);
      return line;
    }

    function tell(text, mood = "") {
      element("status").textContent = text;
      element("status").className = mood;
    }

    const explanations = {
      NotAllowedError: "The browser was not allowed to use a passkey.",
      InvalidStateError: "This device has a passkey of yours already.",
      TypeError: "A part of the demo does not answer.",
    };

    // One thing at a time, and every failure said aloud.
    async function run(action) {
      const buttons = [...document.querySelectorAll("button")];
      for (const button of buttons) button.disabled = true;
      tell("…");
      try {
        await action();
      } catch (error) {
        tell(explanations[error.name] ?? error.message, "bad");
      } finally {
        for (const button of document.querySelectorAll("button")) button.disabled = false;
      }
    }

    element("password-form").addEventListener("submit", (event) => {
      event.preventDefault();
      run(signInWithPassword);
    });
    element("passkey-login").addEventListener("click", () => run(signInWithPasskey));
    element("append").addEventListener("click", () => run(addPasskey));
    element("sign-out").addEventListener("click", () => run(signOut));
    if (!window.PublicKeyCredential) {
      element("passkey-login").hidden = true;
      tell("This browser has no passkeys. Open the page as http://localhost, in a current browser.", "bad");
    }

    """#
}
