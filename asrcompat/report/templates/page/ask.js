// Which tested environment to install: of those in which all that was asked for works, the nearest to what was chosen.
page.ask = (() => {
  const form = document.getElementById("ask");
  const place = document.getElementById("answer");
  const SHOWN = 3;

  // where a version that can be chosen stands, by an environment that has it
  const placeOf = (title, value) => {
    const at = page.table.titles.indexOf(title) - 1;
    const row = page.table.rows.find((one) => one.versions[at] === value && page.data.environments[one.number]);
    return row && page.data.environments[row.number].places[title];
  };

  const answer = (wants, needs) => {
    const columns = needs.map((path) => page.table.paths.indexOf(path));
    const places = Object.entries(wants).map(([title, value]) => [title, value, placeOf(title, value)]);
    const found = [];
    for (const one of page.table.rows) {
      const environment = page.data.environments[one.number];
      if (environment === undefined || !columns.every((column) => one.outcomes[column] === "works")) continue;
      const unlike = [];
      let far = 0;
      for (const [title, value, place] of places) {
        const has = environment.places[title];
        const same = has !== undefined && place !== undefined && has[0] === place[0];
        if (same && has[1] === place[1]) continue;
        unlike.push([title, value, one.versions[page.table.titles.indexOf(title) - 1]]);
        far += same ? 2 * Math.abs(has[1] - place[1]) : 2 * page.data.releases[title];
      }
      found.push({ number: one.number, environment, unlike, far });
    }
    found.sort((one, other) => one.unlike.length - other.unlike.length || one.far - other.far || one.environment.rank - other.environment.rank);
    const exact = found.filter((one) => one.unlike.length === 0);
    return { exact: exact.length > 0, found: exact.length > 0 ? exact : found };
  };

  const told = (one) => {
    const item = page.make("li", "", page.link(`Environment ${one.number}`, `#environment-${one.number}`), `: ${one.environment.versions}. `, page.link("Its lock", one.environment.lock));
    for (const [title, wanted, has] of one.unlike) item.append(page.make("p", `Not what you chose: ${title} ${wanted}, but ${has || "none"}`));
    item.append(page.command(one.environment.command));
    return item;
  };

  const show = () => {
    const given = new FormData(form);
    const wants = Object.fromEntries([...given].filter(([name, value]) => name !== "need" && value));
    const needs = given.getAll("need");
    place.replaceChildren();
    if (needs.length === 0) {
      place.append(page.make("p", "Choose at least one way to load the checkpoint."));
      return;
    }
    const { exact, found } = answer(wants, needs);
    const count = `${found.length} environment${found.length === 1 ? "" : "s"}`;
    const nothing = found.length === 0 ? "In no tested environment does all of that work." : `Nothing tested with these versions does. The nearest of ${count} that do${found.length === 1 ? "es" : ""}:`;
    place.append(page.make("p", exact ? `${count} will do; newest first:` : nothing));
    place.append(page.make("ol", "", ...found.slice(0, SHOWN).map(told)));
  };

  const start = () => {
    form.hidden = false;
    for (const box of form.querySelectorAll("[name=need]")) box.checked = page.data.main.includes(box.value);
    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    show();
  };

  return { start, answer };
})();
