/// The one page of the demo; it comes from the app, through the sidecar, on public routes.
enum DemoPage {
  static func html(settings: JSON) -> String {
    #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Passkey sidecar demo</title>
    <link rel="stylesheet" href="/demo.css">
    <script type="application/json" id="settings">\#(settings)</script>
    <script src="/demo.js" defer></script>
    </head>
    <body>
    <main>
      <header>
        <h1>Passkey sidecar</h1>
        <p>This page belongs to a small app that knows no passkeys. The sidecar in front of it tells the app who you are.</p>
      </header>

      <p id="status" role="status" aria-live="polite"></p>

      <section id="signed-out" aria-labelledby="sign-in-title">
        <h2 id="sign-in-title" tabindex="-1">Sign in</h2>
        <form id="password-form">
          <label for="email">E-mail</label>
          <input id="email" name="email" type="email" autocomplete="username" required value="ada@example.com">
          <label for="password">Password</label>
          <input id="password" name="password" type="password" autocomplete="current-password" required value="analytical">
          <button class="primary">Sign in with password</button>
        </form>
        <p class="or"><span>or</span></p>
        <button id="passkey-login">Sign in with a passkey</button>
        <details>
          <summary>Who else is here?</summary>
          <ul>
            <li><code>ada@example.com</code>, password <code>analytical</code></li>
            <li><code>grace@example.com</code>, password <code>nanosecond</code></li>
            <li><code>alan@example.com</code>, password <code>enigma</code>: never confirmed his e-mail, so he gets no passkey</li>
          </ul>
        </details>
      </section>

      <section id="signed-in" aria-labelledby="you-are" hidden>
        <h2 id="you-are" tabindex="-1">You are <strong id="user-id"></strong></h2>
        <p id="verdict"></p>
        <dl>
          <dt>E-mail</dt><dd id="user-email"></dd>
          <dt>Signed in with</dt><dd id="method"></dd>
        </dl>
        <details>
          <summary>What the app received</summary>
          <table>
            <thead><tr><th scope="col">Field</th><th scope="col">Value</th></tr></thead>
            <tbody id="received"></tbody>
          </table>
        </details>
        <h3>Your passkeys</h3>
        <ul id="passkeys"></ul>
        <div class="actions">
          <button id="append" class="primary">Add a passkey</button>
          <button id="sign-out">Sign out</button>
        </div>
      </section>

      <footer>
        <p>Corbado is played by an emulator on this machine. Try it in order: password, add a passkey, sign out, passkey.</p>
      </footer>
    </main>
    </body>
    </html>

    """#
  }
}
