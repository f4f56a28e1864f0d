// Two environments side by side: the versions and the cells that differ. It stays in view below the table, where it was ticked.
page.compare = (() => {
  const place = document.getElementById("compare");
  const chosen = [];

  const boxes = () => [...document.querySelectorAll("#matrix input[type=checkbox]")];

  const head = (text, scope) => {
    const cell = page.make("th", "", ...page.broken(text));
    cell.scope = scope;
    return cell;
  };

  const difference = (title, left, right) =>
    page.make("tr", "", head(title, "row"), page.make("td", left || "none"), page.make("td", right || "none"));

  // What a cell says; two failures at one stage may be two causes.
  const outcome = (cell) => [cell.textContent, page.table.causes[cell.dataset.cause]].filter(Boolean).join(": ");

  const button = (text, act) => {
    const made = page.make("button", text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };

  // Whoever closes it is where the last tick was made.
  const close = () => {
    const last = boxes().find((box) => box.value === chosen.at(-1));
    restore(new URLSearchParams());
    page.remember();
    last?.focus();
  };

  const show = () => {
    place.hidden = chosen.length === 0;
    place.replaceChildren();
    if (chosen.length === 0) return;
    const [left, right] = chosen.map((number) => page.table.rows.find((one) => one.number === number));
    if (right === undefined) {
      const line = page.make("p", `Environment ${left.number}: tick another one to compare it with. `, button("Close", close));
      line.setAttribute("role", "status");
      place.append(line);
      return;
    }
    const told = (one) => [...one.versions, one.also, ...one.cells.map(outcome)];
    const names = [...page.table.labels.slice(1), "also", ...page.table.paths.map((path) => `path ${path}`)];
    const [ours, theirs] = [told(left), told(right)];
    const lines = names.flatMap((name, at) => (ours[at] === theirs[at] ? [] : [difference(name, ours[at], theirs[at])]));
    const heads = page.make("tr", "", page.make("td", ""), head(`environment ${left.number}`, "col"), head(`environment ${right.number}`, "col"));
    const same = names.length - lines.length;
    const wide = page.make("div", "", page.make("table", "", page.make("thead", "", heads), page.make("tbody", "", ...lines)));
    wide.className = "wide";
    wide.tabIndex = 0;
    wide.setAttribute("role", "group");
    wide.setAttribute("aria-label", "What differs");
    const title = page.make("h3", `Environments ${left.number} and ${right.number}`);
    title.tabIndex = -1;
    place.append(title, button("Close", close), wide, page.make("p", `${same} of ${names.length} columns are the same.`));
  };

  const choose = (number) => {
    const at = chosen.indexOf(number);
    if (at >= 0) chosen.splice(at, 1);
    else chosen.push(number);
    if (chosen.length > 2) chosen.shift();
    for (const box of boxes()) box.checked = chosen.includes(box.value);
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
      box.addEventListener("change", () => {
        choose(one.number);
        page.remember();
        place.querySelector("h3")?.focus({ preventScroll: true });
      });
      one.row.cells[0].querySelector("a, span").after(" ", box);
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
