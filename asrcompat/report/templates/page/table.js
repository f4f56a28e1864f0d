// The table: filtered by what the form says, sorted by its heads.
page.table = (() => {
  const form = document.getElementById("view");
  const table = document.getElementById("matrix");
  const nothing = document.getElementById("nothing");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const found = heads.findIndex((head) => head.dataset.path);
  const first = found < 0 ? heads.length - 1 : found; // without any path nothing is left but versions
  const titles = heads.slice(0, first).map((head) => head.textContent.toLowerCase());
  const labels = heads.slice(0, first).map((head) => head.textContent);
  const PATH = "path:"; // in the address: a path may have the name of a package
  const paths = heads.map((head) => head.dataset.path).filter(Boolean);
  const end = first + paths.length;
  const rows = [...body.rows].map((row, place) => {
    const cells = [...row.cells];
    return {
      row,
      place,
      number: row.dataset.environment,
      id: row.dataset.id,
      versions: cells.slice(1, first).map((cell) => cell.textContent),
      cells: cells.slice(first, end),
      outcomes: cells.slice(first, end).map((cell) => cell.className),
      also: cells[end].textContent,
      // each version with its package, each outcome with its path: "torch 2.8 s3prl-hf works"
      text: [
        row.dataset.id,
        `${titles[0]} ${row.dataset.environment}`,
        ...cells.slice(1, first).map((cell, at) => `${titles[at + 1]} ${cell.textContent}`),
        ...cells.slice(first, end).map((cell, at) => `${paths[at]} ${cell.textContent} ${cell.className}`),
        cells[end].textContent,
      ].join(" ").toLowerCase(),
    };
  });
  const orders = Object.fromEntries(
    [...form.querySelectorAll("select")].map((field) => [field.name, [...field.options].map((one) => one.value)]),
  );
  const told = (name) => Object.fromEntries([...form.elements[name].options].map((one) => [one.value, one.textContent]));
  const causes = told("cause");
  const outcomes = told("outcome");
  let sorted = ""; // a title, after a minus where the order is turned
  let chosenPath = null;

  const values = () => ({ ...Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()])), sort: sorted });

  const fits = (one, wanted, columns) => {
    for (const word of wanted.q.toLowerCase().split(/\s+/)) if (!one.text.includes(word)) return false;
    for (let place = 1; place < titles.length; place += 1) {
      const value = wanted[titles[place]];
      if (value && one.versions[place - 1] !== value) return false;
    }
    if (!wanted.outcome && !wanted.cause) return true;
    return columns.some(
      (column) =>
        (!wanted.outcome || one.outcomes[column] === wanted.outcome) &&
        (!wanted.cause || one.cells[column].dataset.cause === wanted.cause),
    );
  };

  const showColumns = (wanted) => {
    if (wanted === chosenPath) return;
    chosenPath = wanted;
    paths.forEach((path, column) => {
      const hidden = Boolean(wanted) && path !== wanted;
      heads[first + column].hidden = hidden;
      for (const one of rows) one.cells[column].hidden = hidden;
    });
  };

  const apply = () => {
    const wanted = values();
    showColumns(wanted.path || "");
    const columns = paths.map((_, column) => column).filter((column) => !wanted.path || paths[column] === wanted.path);
    const shown = [];
    for (const one of rows) {
      const fit = fits(one, wanted, columns);
      if (one.row.hidden === fit) one.row.hidden = !fit;
      if (fit) shown.push(one);
    }
    const lines = page.group.show(shown, columns, wanted);
    const among = `${shown.length} of ${rows.length} environments`;
    form.elements.shown.textContent = lines === null ? among : `${lines} line${lines === 1 ? "" : "s"}, with cells of ${among}`;
    tellNothing(lines === null ? shown.length : lines, wanted, columns);
    tellSideways();
  };

  // What is asked for, by the fields' titles: what alone leaves no line, or else all of it together.
  const excluding = (wanted, columns) => {
    const asked = [...form.querySelectorAll("input, select")].filter((field) => field.name !== "group" && field.value.trim());
    const none = Object.fromEntries(Object.keys(wanted).map((name) => [name, ""]));
    const alone = asked.filter((field) => !rows.some((one) => fits(one, { ...none, [field.name]: wanted[field.name] }, columns)));
    return (alone.length > 0 ? alone : asked).map((field) => {
      const title = field.closest("label").firstChild.textContent.trim();
      return `${title} “${field.selectedOptions?.[0].textContent ?? field.value.trim()}”`;
    });
  };

  const tellNothing = (lines, wanted, columns) => {
    nothing.hidden = lines > 0;
    if (lines > 0) return;
    const by = excluding(wanted, columns);
    const reset = page.make("button", "Show all");
    reset.type = "button";
    reset.addEventListener("click", () => {
      form.reset();
      form.elements.q.focus();
    });
    nothing.replaceChildren(by.length > 0 ? `No line is left: nothing has ${by.join(" and ")}. ` : "There is nothing to show. ", reset);
  };

  const tellSideways = () => {
    const wide = table.closest(".tall");
    document.getElementById("sideways").hidden = wide.scrollWidth <= wide.clientWidth;
  };

  const named = (at) => (at < first ? titles[at] : PATH + paths[at - first]);

  const rank = (title, value) => {
    const order = orders[title];
    return order === undefined ? value : order.indexOf(value);
  };

  const sort = (wanted) => {
    sorted = wanted;
    const title = wanted.replace(/^-/, "");
    const turn = wanted.startsWith("-") ? -1 : 1;
    const place = titles.indexOf(title);
    const column = title.startsWith(PATH) ? paths.indexOf(title.slice(PATH.length)) : -1;
    const key = (one) => {
      if (place > 0) return rank(title, one.versions[place - 1]);
      return column >= 0 ? one.outcomes[column] : one.place;
    };
    const keyed = rows.map((one) => [key(one), one]);
    keyed.sort(([left, one], [right, other]) => (left < right ? -1 : left > right ? 1 : 0) * turn || one.place - other.place);
    body.append(...keyed.map(([, one]) => one.row));
    heads.slice(0, end).forEach((head, at) => {
      const name = named(at);
      if (name === title) head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  };

  const addButtons = () => {
    heads.slice(0, end).forEach((head, at) => {
      const name = named(at);
      const button = page.make("button", "", ...head.childNodes);
      button.type = "button";
      button.addEventListener("click", () => {
        sort(sorted === name ? `-${name}` : sorted === `-${name}` ? "" : name);
        page.remember();
      });
      head.replaceChildren(button);
    });
  };

  const restore = (given) => {
    for (const field of form.elements) if (field.name && "value" in field && field.tagName !== "OUTPUT") field.value = given.get(field.name) ?? "";
    for (const field of form.querySelectorAll("select")) if (field.selectedIndex < 0) field.value = "";
    sort(given.get("sort") ?? "");
    apply();
  };

  const start = () => {
    form.hidden = false;
    addButtons();
    addEventListener("resize", tellSideways);
    form.addEventListener("input", () => { apply(); page.remember(); });
    form.addEventListener("reset", () => setTimeout(() => { sort(""); apply(); page.remember(); }));
    form.addEventListener("submit", (event) => event.preventDefault());
  };

  return { start, restore, apply, values, rows, titles, labels, paths, causes, outcomes, orders, heads };
})();
