extension DemoPage {
  static let style = #"""
    :root {
      color-scheme: light dark;
      --ink: #1b2430; --muted: #596575; --paper: #f4f6f8; --card: #ffffff; --line: #d5dbe2;
      --accent: #1d5fd1; --accent-ink: #ffffff; --good: #176b3a; --bad: #a3261d;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --ink: #e8edf3; --muted: #a3afbd; --paper: #12171d; --card: #1b222b; --line: #343e4a;
        --accent: #7aa9ff; --accent-ink: #0c1420; --good: #6fd39b; --bad: #ff9c92;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
    main { max-width: 34rem; margin: 0 auto; padding: 2.5rem 1.25rem; }
    h1 { margin: 0; font-size: 1.75rem; }
    h2 { margin: 0 0 1rem; font-size: 1.25rem; }
    h2:focus { outline: none; }
    h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
    header p, footer, dt { color: var(--muted); }
    footer { margin-top: 1.5rem; font-size: .875rem; }
    section { padding: 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
    label { display: block; margin-bottom: .25rem; font-weight: 600; }
    input, button { width: 100%; padding: .65rem .8rem; font: inherit; color: inherit; border-radius: .5rem; }
    input { margin-bottom: 1rem; background: var(--paper); border: 1px solid var(--muted); }
    button { background: transparent; border: 1px solid var(--muted); cursor: pointer; font-weight: 600; }
    button.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
    button:hover:not(:disabled) { filter: brightness(1.08); }
    button:disabled { opacity: .55; cursor: progress; }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .or { display: flex; align-items: center; gap: .75rem; margin: 1rem 0; color: var(--muted); }
    .or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--line); }
    .actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1rem; }
    .actions button { flex: 1 1 10rem; }
    #status { min-height: 1.5rem; font-weight: 600; }
    .good { color: var(--good); }
    .bad { color: var(--bad); }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
    dd { margin: 0; overflow-wrap: anywhere; }
    details { margin-top: 1rem; }
    summary { cursor: pointer; }
    table { width: 100%; margin-top: .5rem; border-collapse: collapse; font-size: .875rem; }
    th, td { padding: .3rem .5rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
    td { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
    ul { padding-left: 1.25rem; }
    #passkeys { padding: 0; list-style: none; }
    #passkeys li { display: flex; justify-content: space-between; align-items: center; gap: 1rem; padding: .35rem 0; }
    #passkeys button { width: auto; padding: .25rem .75rem; font-size: .875rem; }

    """#
}
