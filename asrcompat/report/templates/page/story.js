// What happened in one cell, over the page; what is told at length stands below, and is linked.
page.story = (() => {
  const dialog = document.getElementById("story");
  const HREF = /^#cell-(\d+)$/;

  const about = (cell) => {
    const cause = page.data.causes[cell.cause];
    const parts = [];
    if (cause !== undefined) {
      parts.push(page.make("p", "", page.make("strong", cause.title)));
      if (cause.reason) parts.push(page.make("p", cause.reason));
      parts.push(...cause.cures.map((text) => page.make("p", `Tested cure: ${text}`)));
      parts.push(page.make("p", "", page.link("All that it said, with its traceback", `#failure-${cell.cause}`)));
    }
    if (cell.message) parts.push(page.make("pre", [cell.exception, cell.message].filter(Boolean).join(": ")));
    return parts;
  };

  const show = (number) => {
    const cell = page.data.cells[number];
    if (cell === undefined) return false;
    const environment = page.data.environments[cell.environment];
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
      const found = HREF.exec(event.target.closest("a")?.getAttribute("href") ?? "");
      if (found && show(found[1])) event.preventDefault();
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("a[href^='#']")) dialog.close();
    });
  };

  const restore = () => {
    const found = HREF.exec(location.hash);
    if (found) show(found[1]);
  };

  return { start, restore };
})();
