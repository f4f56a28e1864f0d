// Versions and what is said of them, as PEP 440 has it and as `packaging` reads it for the terminal.
page.pep440 = (() => {
  const PRE = "(?:[-_.]?(?<pre>alpha|beta|preview|pre|a|b|c|rc)[-_.]?(?<preNumber>\\d*))?";
  const POST = "(?:-(?<postImplicit>\\d+)|[-_.]?(?<post>post|rev|r)[-_.]?(?<postNumber>\\d*))?";
  const DEV = "(?:[-_.]?(?<dev>dev)[-_.]?(?<devNumber>\\d*))?";
  const LOCAL = "(?:\\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?";
  const RELEASE = "v?(?:(?<epoch>\\d+)!)?(?<release>\\d+(?:\\.\\d+)*)";
  const VERSION = new RegExp(`^\\s*${RELEASE}${PRE}${POST}${DEV}${LOCAL}\\s*$`, "i");
  const BOUND = new RegExp(`^\\s*${RELEASE}${PRE}${POST}${DEV}\\s*$`, "i");
  const PREFIX = new RegExp(`^\\s*${RELEASE}\\.\\*\\s*$`, "i");
  const COMPATIBLE = new RegExp(`^\\s*v?(?:\\d+!)?\\d+(?:\\.\\d+)+${PRE}${POST}${DEV}\\s*$`, "i");
  const LETTERS = { alpha: "a", beta: "b", c: "rc", pre: "rc", preview: "rc" };

  const read = (text) => {
    const found = VERSION.exec(text)?.groups;
    if (found === undefined) return null;
    const pre = found.pre?.toLowerCase();
    return {
      epoch: Number(found.epoch ?? 0),
      release: found.release.split(".").map(Number),
      pre: pre === undefined ? null : [LETTERS[pre] ?? pre, Number(found.preNumber || 0)],
      post: found.postImplicit !== undefined ? Number(found.postImplicit) : found.post === undefined ? null : Number(found.postNumber || 0),
      dev: found.dev === undefined ? null : Number(found.devNumber || 0),
      local: found.local?.toLowerCase().replace(/[-_]/g, ".") ?? null,
    };
  };

  // A page has few versions, and asks for each of them hundreds of times.
  const known = new Map();
  const parse = (text) => {
    if (!known.has(text)) known.set(text, read(text));
    return known.get(text);
  };

  // What is no version stands where 0 does.
  const parsed = (text) => parse(text) ?? parse("0");

  const inOrder = (left, right) => (left < right ? -1 : left > right ? 1 : 0);

  const ofRelease = (one, other) => {
    if (one.epoch !== other.epoch) return one.epoch - other.epoch;
    for (let at = 0; at < Math.max(one.release.length, other.release.length); at += 1) {
      const apart = (one.release[at] ?? 0) - (other.release[at] ?? 0);
      if (apart !== 0) return apart;
    }
    return 0;
  };

  // A development release before its pre-releases, these before the release, that before what is posted after it.
  const rest = (one) => [
    one.pre === null ? (one.post === null && one.dev !== null ? "" : "~") : one.pre[0],
    one.pre === null ? 0 : one.pre[1],
    one.post ?? -1,
    one.dev ?? Infinity,
  ];

  // Without the local part, which names a build.
  const compare = (one, other) => {
    const left = rest(one);
    const right = rest(other);
    return ofRelease(one, other) || left.map((value, at) => inOrder(value, right[at])).find((found) => found !== 0) || 0;
  };

  const begins = (version, prefix) => version.epoch === prefix.epoch && prefix.release.every((part, at) => (version.release[at] ?? 0) === part);

  const equal = (version, said) => {
    if (said.endsWith(".*")) return begins(version, parse(said.slice(0, -2)));
    const one = parse(said);
    return compare(version, one) === 0 && (one.local === null || one.local === version.local);
  };

  const isPre = (one) => one.pre !== null || one.dev !== null;

  const TESTS = {
    "==": equal,
    "!=": (version, said) => !equal(version, said),
    "<=": (version, said) => compare(version, parse(said)) <= 0,
    ">=": (version, said) => compare(version, parse(said)) >= 0,
    // neither what comes before a release itself, nor what is posted after it, is before or after it
    "<": (version, said) => {
      const bound = parse(said);
      return compare(version, isPre(bound) ? bound : { ...bound, dev: 0 }) < 0;
    },
    ">": (version, said) => {
      const bound = parse(said);
      const posted = bound.post === null && bound.dev === null && version.post !== null;
      return compare(version, bound) > 0 && !(posted && compare({ ...version, post: null, dev: null }, bound) === 0);
    },
    "~=": (version, said) => {
      const bound = parse(said);
      return compare(version, bound) >= 0 && begins(version, { epoch: bound.epoch, release: bound.release.slice(0, -1) });
    },
    "===": (version, said, text) => text.toLowerCase() === said.toLowerCase(),
  };

  const FORMS = { "==": [VERSION, PREFIX], "!=": [VERSION, PREFIX], "~=": [COMPATIBLE], "===": [/^\s*[^\s;)]+\s*$/] };

  // One bound such as ">=2.6"; null for what is none.
  const bound = (text) => {
    const found = /^\s*(===|==|~=|!=|<=|>=|<|>)(.*)$/s.exec(text);
    if (found === null || !(FORMS[found[1]] ?? [BOUND]).some((form) => form.test(found[2]))) return null;
    return { operator: found[1], said: found[2].trim() };
  };

  const holds = (bounds, text) => {
    const version = parse(text);
    return version !== null && bounds.every((one) => TESTS[one.operator](version, one.said, text));
  };

  return { parse, parsed, compare, bound, holds };
})();
