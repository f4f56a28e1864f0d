// The table by cause: each failure in a line, under each path the environments that it was met in; how many lines, or null.
page.group = (() => {
  const form = document.getElementById("view");
  const environments = document.getElementById("lines");
  const table = document.getElementById("grouped");
  const titles = { ...page.table.causes, ...page.table.outcomes };

  // By cause, or by outcome where there is none, the cells that are shown of each column.
  const gathered = (rows, columns, wanted) => {
    const found = new Map();
    for (const one of rows) {
      for (const column of columns) {
        const cell = one.cells[column];
        const key = cell.dataset.cause || one.outcomes[column];
        if (key === "absent" || (wanted.outcome && one.outcomes[column] !== wanted.outcome) || (wanted.cause && key !== wanted.cause)) continue;
        if (!found.has(key)) found.set(key, { key, failure: Boolean(cell.dataset.cause), cells: 0, places: new Map() });
        const group = found.get(key);
        if (!group.places.has(column)) group.places.set(column, []);
        group.places.get(column).push([one, cell, one.outcomes[column]]);
        group.cells += 1;
      }
    }
    return [...found.values()].sort((one, other) => other.failure - one.failure || other.cells - one.cells);
  };

  const only = (group) => {
    form.elements[group.failure ? "cause" : "outcome"].value = group.key;
    form.elements.group.value = "";
    page.table.apply();
    page.remember();
    form.elements.group.focus();
  };

  const signOf = (kind) => (page.table.outcomes[kind] ?? "").split(" ")[0];

  // How many there are; where they ended in different ways, how many in each: "3: ✗ 2, ~ 1".
  const counted = (places) => {
    const kinds = new Map();
    for (const [, , kind] of places) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const parts = [...kinds].map(([kind, count]) => {
      const part = page.make("span", `${signOf(kind)} ${count}`);
      part.className = kind;
      return part;
    });
    return parts.length === 1 ? parts : [`${places.length}: `, ...parts.flatMap((part, at) => (at > 0 ? [", ", part] : [part]))];
  };

  // The environments of one place are drawn when it is opened: there may be hundreds in each.
  const opened = (places, title, path) => {
    const summary = page.make("summary", "", ...counted(places));
    summary.setAttribute("aria-label", `${summary.textContent}, the environments of ${path} with ${title}`);
    const details = page.make("details", "", summary);
    details.addEventListener("toggle", () => {
      if (details.childElementCount > 1) return;
      const list = page.make("p");
      for (const [one, cell, kind] of places) {
        const to = cell.querySelector("a");
        const text = `${signOf(kind)} ${one.number}`;
        const shown = to === null ? page.make("span", text) : page.link(text, to.getAttribute("href"));
        shown.className = kind;
        if (to !== null) shown.setAttribute("aria-label", `${text}: ${kind} in environment ${one.number}`);
        list.append(shown, " ");
      }
      details.append(list);
    });
    return details;
  };

  const line = (group, columns) => {
    const button = page.make("button", titles[group.key] ?? group.key);
    button.type = "button";
    button.addEventListener("click", () => only(group));
    const among = new Set([...group.places.values()].flat().map(([one]) => one.number));
    const count = `${group.cells} cell${group.cells === 1 ? "" : "s"} in ${among.size} environment${among.size === 1 ? "" : "s"}`;
    const head = page.make("th", "", button, " ", page.make("small", count));
    head.scope = "row";
    const places = columns.map((column) => {
      const place = page.make("td");
      if (group.places.has(column)) place.append(opened(group.places.get(column), titles[group.key] ?? group.key, page.table.paths[column]));
      return place;
    });
    return page.make("tr", "", head, ...places);
  };

  const show = (rows, columns, wanted) => {
    const grouped = wanted.group === "cause";
    environments.hidden = grouped;
    table.hidden = !grouped;
    table.replaceChildren();
    if (!grouped) return null;
    const named = (...parts) => {
      const head = page.make("th", "", ...parts);
      head.scope = "col";
      return head;
    };
    const names = columns.map((column) => named(...page.broken(page.table.paths[column])));
    const heads = [named("cause"), ...names];
    const lines = gathered(rows, columns, wanted).map((group) => line(group, columns));
    if (lines.length > 0) table.append(page.make("thead", "", page.make("tr", "", ...heads)), page.make("tbody", "", ...lines));
    return lines.length;
  };

  return { show };
})();
