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
    const told = (one) => [...one.versions, one.also, ...one.cells.map((cell) => cell.textContent)];
    const names = [...page.table.titles.slice(1), "also", ...page.table.paths];
    const [ours, theirs] = [told(left), told(right)];
    const lines = names.flatMap((name, at) => (ours[at] === theirs[at] ? [] : [difference(name, ours[at], theirs[at])]));
    const head = page.make("tr", "", page.make("td", ""), page.make("th", `environment ${left.number}`), page.make("th", `environment ${right.number}`));
    const same = names.length - lines.length;
    const table = page.make("table", "", page.make("thead", "", head), page.make("tbody", "", ...lines));
    place.append(page.make("h3", `Environments ${left.number} and ${right.number}`), table, page.make("p", `${same} of ${names.length} columns are the same.`));
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
    chosen.length = 0;
    const known = (given.get("compare") ?? "").split(",").filter((number) => page.table.rows.some((one) => one.number === number));
    known.slice(0, 2).forEach(choose);
    if (known.length === 0) show();
  };

  return { start, restore, values: () => ({ compare: chosen.join(",") }) };
})();
