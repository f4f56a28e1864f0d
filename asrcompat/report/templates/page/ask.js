// Which tested environment to install: of those in which all that was asked for works, the nearest to what was chosen.
page.ask = (() => {
  const form = document.getElementById("ask");
  const count = document.getElementById("answered");
  const place = document.getElementById("answers");
  const PAUSE = 150; // ms without a key, before what is written is looked at
  const SHOWN = 3;
  const FEW = 5; // other distributions that change, by name
  const NOT_VERSIONS = ["need", "have"];

  // where a version that can be chosen stands, by an environment that has it
  const placeOf = (title, value) => {
    const at = page.table.titles.indexOf(title) - 1;
    const row = page.table.rows.find((one) => one.versions[at] === value && page.data.environments[one.number]);
    return row && page.data.environments[row.number].places[title];
  };

  const nearer = (one, other) => {
    const at = one.findIndex((value, place) => value !== other[place]);
    return at < 0 ? 0 : one[at] - other[at];
  };

  const answer = (wants, needs, have = new Map()) => {
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
      const changes = page.have.changes(environment, have);
      found.push({ number: one.number, environment, unlike, changes, far: [unlike.length, far, ...changes.far, environment.rank] });
    }
    found.sort((one, other) => nearer(one.far, other.far));
    const exact = found.filter((one) => one.unlike.length === 0);
    return { exact: exact.length > 0, found: exact.length > 0 ? exact : found };
  };

  const told = (one) => {
    const item = page.make("li", "", page.link(`Environment ${one.number}`, `#environment-${one.number}`), `: ${one.environment.versions}. `, page.link("Its lock", one.environment.lock));
    for (const [title, wanted, has] of one.unlike) item.append(page.make("p", `Not what you chose: ${title} ${wanted}, but ${has || "none"}`));
    const { told: moved, without } = one.changes;
    const more = moved.length > FEW ? ` and ${moved.length - FEW} more` : "";
    const shown = moved.slice(0, FEW).map(([name, before, after]) => `${name} ${before} → ${after}`).join(", ");
    if (moved.length > 0) item.append(page.make("p", `Changes of what you have: ${shown}${more}`));
    if (without.length > 0) item.append(page.make("p", `Of what you have it is without: ${without.join(", ")}`));
    item.append(page.command(one.environment.command));
    return item;
  };

  // The one thing that is read out: how many there are, and only where that is another text.
  const say = (text) => {
    if (count.textContent !== text) count.textContent = text;
  };

  const show = () => {
    const given = new FormData(form);
    const wants = Object.fromEntries([...given].filter(([name, value]) => !NOT_VERSIONS.includes(name) && value));
    const needs = given.getAll("need");
    const python = /^\d+\.\d+/.exec(wants.python ?? "");
    const { have, passed, wrong } = page.requirements.read(given.get("have"), python === null ? null : python[0]);
    // as in the terminal the line is told and nothing is answered by half; the last answer stays, and is seen to be old
    const old = Boolean(wrong) && place.childElementCount > 0;
    place.classList.toggle("stale", old);
    if (wrong) {
      say(`What you have, ${wrong}.${old ? " Until then this is the answer to what was there before:" : ""}`);
      return;
    }
    place.replaceChildren();
    for (const line of passed) place.append(page.make("p", `Not looked at: ${line}`));
    if (needs.length === 0) {
      say("Choose at least one way to load the checkpoint.");
      return;
    }
    const { exact, found } = answer(wants, needs, have);
    const many = `${found.length} environment${found.length === 1 ? "" : "s"}`;
    const nothing = found.length === 0 ? "In no tested environment does all of that work." : `Nothing tested with these versions does. The nearest of ${many} that do${found.length === 1 ? "es" : ""}:`;
    say(exact ? `${many} will do; ${have.size > 0 ? "nearest to what you have" : "newest"} first:` : nothing);
    place.append(page.make("ol", "", ...found.slice(0, SHOWN).map(told)));
  };

  const start = () => {
    form.hidden = false;
    for (const box of form.querySelectorAll("[name=need]")) box.checked = page.data.main.includes(box.value);
    let waiting = 0;
    form.addEventListener("input", (event) => {
      clearTimeout(waiting);
      if (event.target.name === "have") waiting = setTimeout(show, PAUSE);
      else show();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    show();
  };

  return { start, answer };
})();
