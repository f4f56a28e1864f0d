// What happened in one cell, over the page; what is told at length stands below, and is linked.
page.story = (() => {
  const dialog = document.getElementById("story");
  const HREF = /^#cell-(\d+)$/;
  let told = ""; // which cell, by names that stay the same from report to report

  const about = (cell) => {
    const cause = page.data.causes[cell.cause];
    const parts = [];
    if (cause !== undefined) {
      parts.push(page.make("p", "", page.make("strong", cause.title)));
      if (cause.reason) parts.push(page.make("p", cause.reason));
      if (cell.cure) parts.push(page.make("p", "Seen to cure it: ", page.link(...cell.cure)));
      else parts.push(page.make("p", "Nothing was seen to cure it here."));
    }
    if (cell.message) parts.push(page.make("pre", [cell.exception, cell.message].filter(Boolean).join(": ")));
    const said = cause?.said[cell.said];
    if (said) {
      const text = page.make("pre", said.text);
      text.tabIndex = 0;
      parts.push(page.make("details", "", page.make("summary", said.title), text));
    }
    if (cause !== undefined) parts.push(page.make("p", "", page.link("All that it said, with its traceback", cause.address)));
    return parts;
  };

  // What is claimed somewhere and this cell speaks for or against.
  const claims = (cell) => {
    if (cell.claims.length === 0) return [];
    const lines = cell.claims.map(([at, here, speaks]) => {
      const claim = page.data.claims[at];
      const verdict = here && here !== claim.verdict ? `${claim.verdict}, in this environment ${here}` : claim.verdict;
      return page.make("li", "", page.link(claim.id, claim.address), ": ", ...page.prose(claim.statement), " ", page.make("strong", verdict), `; this cell speaks ${speaks}`);
    });
    return [page.make("h4", "Claims that it bears on"), page.make("ul", "", ...lines)];
  };

  const versions = (row, cell, environment) => {
    const told = page.table.titles.slice(1).map((title, at) => [title, row.versions[at]]).filter(([, version]) => version);
    const text = told.map(([title, version]) => `${title} ${version}`).join(", ");
    const line = page.make("p", "", page.link(`Environment ${cell.environment}`, `#environment-${cell.environment}`), `: ${text}. `);
    if (environment === undefined) return line;
    const lock = page.link("All that was installed: its lock", environment.lock);
    lock.download = "";
    line.append(lock);
    return line;
  };

  const show = (number) => {
    const cell = page.data.cells[number];
    if (cell === undefined) return false;
    const environment = page.data.environments[cell.environment];
    const row = page.table.rows.find((one) => one.number === String(cell.environment));
    told = `${cell.path} in ${row.id}`;
    const title = page.make("h3", `${cell.path} in environment ${cell.environment}: ${cell.told}`);
    title.id = "story-title";
    const close = page.make("button", "Close");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    const rungs = cell.rungs.map(([sign, stage, seconds]) => page.make("li", `${sign} ${stage}${seconds ? `, ${seconds}` : ""}`));
    const ladder = page.make("ol", "", ...rungs);
    ladder.className = "rungs";
    const since = cell.since ? [page.make("p", `So since ${cell.since}, of the runs that are kept.`)] : [];
    const planned = cell.command.includes("\n") ? [page.make("p", "The first command plans what the profile covers: before that there is no session of this name.")] : [];
    dialog.replaceChildren(
      ...[title, close, ...since, ...about(cell), page.make("h4", "How far it climbed"), ladder],
      ...[...claims(cell), page.make("h4", "What was installed"), versions(row, cell, environment)],
      ...[page.make("h4", "Run it again, in a clone of the repository"), ...planned, page.command(cell.command)],
    );
    if (!dialog.open) dialog.showModal();
    return true;
  };

  const start = () => {
    document.getElementById("table").addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // as any link
      const found = HREF.exec(event.target.closest("a")?.getAttribute("href") ?? "");
      if (found && show(found[1])) {
        event.preventDefault();
        page.remember();
      }
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("a[href^='#']")) dialog.close();
    });
    dialog.addEventListener("close", () => {
      told = "";
      if (location.hash.startsWith(page.PREFIX)) page.remember();
    });
  };

  const restore = (given) => {
    const found = HREF.exec(location.hash);
    if (found) show(found[1]);
    const wanted = given.get("story");
    if (!wanted) return;
    const ids = Object.fromEntries(page.table.rows.map((one) => [one.number, one.id]));
    const number = Object.keys(page.data.cells).find((key) => {
      const cell = page.data.cells[key];
      return `${cell.path} in ${ids[cell.environment]}` === wanted;
    });
    if (number !== undefined) show(number);
  };

  return { start, restore, values: () => ({ story: told }) };
})();
