// Two environments side by side: the versions and the cells that differ.
page.compare = (() => {
  const place = document.getElementById("compare");
  const chosen = [];

  const difference = (title, left, right) =>
    page.make("tr", "", page.make("th", title), page.make("td", left || "none"), page.make("td", right || "none"));

  const show = () => {
    place.hidden = chosen.length === 0;
    place.replaceChildren();
    if (chosen.length === 0) return;
    const [left, right] = chosen.map((number) => page.table.rows.find((one) => one.number === number));
    if (right === undefined) {
      place.append(page.make("p", `Environment ${left.number}: choose another one to compare it with.`));
      return;
    }
    // two failures at one stage may be two causes
    const told = (one) => [...one.versions, one.also, ...one.cells.map((cell) => [cell.textContent, cell.dataset.cause].filter(Boolean).join(" "))];
    const names = [...page.table.titles.slice(1), "also", ...page.table.paths.map((path) => `path ${path}`)];
    const [ours, theirs] = [told(left), told(right)];
    const lines = names.flatMap((name, at) => (ours[at] === theirs[at] ? [] : [difference(name, ours[at], theirs[at])]));
    const head = page.make("tr", "", page.make("td", ""), page.make("th", `environment ${left.number}`), page.make("th", `environment ${right.number}`));
    const same = names.length - lines.length;
    const table = page.make("table", "", page.make("thead", "", head), page.make("tbody", "", ...lines));
    const wide = page.make("div", "", table);
    wide.className = "wide";
    wide.tabIndex = 0;
    place.append(page.make("h3", `Environments ${left.number} and ${right.number}`), wide, page.make("p", `${same} of ${names.length} columns are the same.`));
  };

  const choose = (number) => {
    const at = chosen.indexOf(number);
    if (at >= 0) chosen.splice(at, 1);
    else chosen.push(number);
    if (chosen.length > 2) chosen.shift();
    for (const box of document.querySelectorAll("#matrix input[type=checkbox]")) box.checked = chosen.includes(box.value);
    show();
  };

  const start = () => {
    document.getElementById("ticks").hidden = false;
    document.getElementById("view").addEventListener("reset", () => restore(new URLSearchParams()));
    for (const one of page.table.rows) {
      const box = page.make("input");
      box.type = "checkbox";
      box.value = one.number;
      box.setAttribute("aria-label", `compare environment ${one.number}`);
      box.addEventListener("change", () => { choose(one.number); page.remember(); });
      one.row.cells[0].append(" ", box);
    }
  };

  const restore = (given) => {
    for (const number of [...chosen]) choose(number);
    // by their ids, which stay the same from report to report
    const wanted = (given.get("compare") ?? "").split(",");
    for (const one of page.table.rows.filter((row) => wanted.includes(row.id)).slice(0, 2)) choose(one.number);
    show();
  };

  const values = () => ({ compare: chosen.map((number) => page.table.rows.find((one) => one.number === number).id).join(",") });

  return { start, restore, values };
})();
