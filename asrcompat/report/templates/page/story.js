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
      if (cell.cure) parts.push(page.make("p", "Seen to cure it: ", page.link(cell.cure[0], cell.cure[1])));
      parts.push(page.make("p", "", page.link("All that it said, with its traceback", cause.page)));
    }
    if (cell.message) parts.push(page.make("pre", [cell.exception, cell.message].filter(Boolean).join(": ")));
    return parts;
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
    const links = page.make("p", "", page.link(`Environment ${cell.environment}`, `#environment-${cell.environment}`));
    if (environment !== undefined) links.append(`: ${environment.versions}. `, page.link("Its lock", environment.lock));
    dialog.replaceChildren(title, close, ...since, ...about(cell), page.make("h4", "How far it climbed"), ladder, links, page.make("h4", "Run it again"), page.command(cell.command));
    if (!dialog.open) dialog.showModal();
    return true;
  };

  const start = () => {
    document.getElementById("matrix").addEventListener("click", (event) => {
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
