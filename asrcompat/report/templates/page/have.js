// How much of what a person has an environment changes, as `asrcompat ask --have` counts it.
page.have = (() => {
  const { parsed, compare, holds } = page.pep440;

  const placeOf = new Map(page.data.packages.map(([name], at) => [name, at]));

  // Of every distribution in the locks, python too, the version that an environment has; undefined of what it has not.
  const version = (environment, distribution) => {
    const at = placeOf.get(distribution);
    const found = at === undefined ? -1 : environment.has[at];
    return found < 0 ? undefined : page.data.packages[at][1][found];
  };

  const isAxis = (name) => page.data.lines[name] !== undefined;

  // Twice the tested releases that lie between what an environment has and what would do.
  const steps = (axis, environment, wish) => {
    const place = environment.places[axis];
    if (place === undefined || place[0] !== wish.distribution) return 2 * page.data.releases[axis];
    const line = page.data.lines[axis][place[0]];
    let wanted = line.flatMap((one, at) => (holds(wish.bounds, one) ? [2 * at] : []));
    if (wanted.length === 0) {
      wanted = wish.bounds.map((bound) => {
        const said = parsed(bound.said.replace(/\.\*$/, ""));
        const before = line.filter((one) => compare(parsed(one), said) < 0).length;
        return 2 * before - (line.some((one) => compare(parsed(one), said) === 0) ? 0 : 1);
      });
    }
    return wanted.length === 0 ? 0 : Math.min(...wanted.map((each) => Math.abs(2 * place[1] - each)));
  };

  const named = (environment, axis) => {
    const place = environment.places[axis];
    if (place === undefined) return "none";
    const there = version(environment, place[0]);
    return place[0] === axis ? there : `${place[0]} ${there}`;
  };

  // What changes, how much that is, and what the environment is without.
  const changes = (environment, have) => {
    const told = [];
    const without = [];
    let axes = 0;
    let far = 0;
    for (const [name, wish] of have) {
      const there = version(environment, wish.distribution);
      if (there === undefined && !isAxis(name)) {
        without.push(name);
        continue;
      }
      if (there !== undefined && holds(wish.bounds, there)) continue;
      axes += isAxis(name) ? 1 : 0;
      far += isAxis(name) ? steps(name, environment, wish) : 0;
      const before = wish.distribution === name ? wish.told : `${wish.distribution} ${wish.told}`.trim();
      told.push([name, before, isAxis(name) ? named(environment, name) : there]);
    }
    return { told, without, far: [axes, far, told.length - axes] };
  };

  return { changes };
})();
