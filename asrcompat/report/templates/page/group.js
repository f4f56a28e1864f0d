// The table by cause: each failure in a line, under each path the environments that it was met in.
page.group = (() => {
  const form = document.getElementById("view");
  const environments = document.getElementById("lines");
  const table = document.getElementById("grouped");
  const titles = Object.fromEntries([...form.elements.cause.options, ...form.elements.outcome.options].map((one) => [one.value, one.textContent]));

  // By cause, or by outcome where there is none, the cells that are shown of each column.
  const gathered = (rows, columns, wanted) => {
    const found = new Map();
    for (const one of rows) {
      for (const column of columns) {
        const cell = one.cells[column];
        const key = cell.dataset.cause || one.outcomes[column];
        if (key === "absent" || (wanted.outcome && one.outcomes[column] !== wanted.outcome) || (wanted.cause && key !== wanted.cause)) continue;
        if (!found.has(key)) found.set(key, { key, kind: one.outcomes[column], failure: Boolean(cell.dataset.cause), cells: 0, places: new Map() });
        const group = found.get(key);
        if (!group.places.has(column)) group.places.set(column, []);
        group.places.get(column).push([one, cell]);
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

  // The environments of one place are drawn when it is opened: there may be hundreds in each.
  const opened = (places) => {
    const summary = page.make("summary", String(places.length));
    const details = page.make("details", "", summary);
    details.addEventListener("toggle", () => {
      if (details.childElementCount > 1) return;
      const list = page.make("p");
      for (const [one, cell] of places) {
        const link = cell.querySelector("a");
        list.append(link === null ? page.make("span", one.number) : page.link(one.number, link.getAttribute("href")), " ");
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
      place.className = group.kind;
      if (group.places.has(column)) place.append(opened(group.places.get(column)));
      return place;
    });
    return page.make("tr", "", head, ...places);
  };

  const show = (rows, columns, wanted) => {
    const grouped = wanted.group === "cause";
    environments.hidden = grouped;
    table.hidden = !grouped;
    table.replaceChildren();
    if (!grouped) return;
    const heads = ["cause", ...columns.map((column) => page.table.paths[column])].map((title) => {
      const head = page.make("th", title);
      head.scope = "col";
      return head;
    });
    const lines = gathered(rows, columns, wanted).map((group) => line(group, columns));
    table.append(page.make("thead", "", page.make("tr", "", ...heads)), page.make("tbody", "", ...lines));
  };

  return { show };
})();
