// The text of a requirements.txt or of `pip freeze`, line by line, as `asrcompat ask --have` reads it.
page.requirements = (() => {
  const NO_RELEASE = /^(?:-|\.{0,2}\/|[\p{L}\p{N}_]+\+?[\p{L}\p{N}_]*:\/\/)/u; // another file, a folder, an address
  const LOCAL = /\+[\w.]+/g; // a build of a release is no other release
  const NAME = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)(?![A-Za-z0-9_])[ \t]*/;
  const EXTRAS = /^\[[ \t]*(?:[A-Za-z0-9][\w.-]*(?:[ \t]*,[ \t]*[A-Za-z0-9][\w.-]*)*)?[ \t]*\][ \t]*/;
  const OPERATOR = /^[ \t]*(===|==|~=|!=|<=|>=|<|>|in\b|not[ \t]+in\b)[ \t]*/;
  const VALUE = /^[ \t]*(?:'([^']*)'|"([^"]*)"|([a-z_.]+)\b)[ \t]*/;
  // The environments were run on such a machine; which Python is for the reader to choose.
  const MACHINE = {
    os_name: "posix", sys_platform: "linux", platform_system: "Linux", platform_machine: "x86_64",
    platform_python_implementation: "CPython", implementation_name: "cpython", extra: "",
    platform_release: "", platform_version: "",
  };
  const OF_PYTHON = ["python_version", "python_full_version", "implementation_version"];
  const OF_VERSIONS = [...OF_PYTHON, "platform_release"];
  const KNOWN = [...Object.keys(MACHINE), ...OF_PYTHON];
  const UNKNOWN = "of another Python it may be";

  const variable = (name) => {
    const known = name.replaceAll(".", "_").replace(/^python_implementation$/, "platform_python_implementation");
    return KNOWN.includes(known) ? known : null;
  };

  const compared = (left, operator, right, name) => {
    const bound = OF_VERSIONS.includes(name) ? page.pep440.bound(operator + right) : null;
    if (bound !== null) return page.pep440.holds([bound], left);
    if (operator === "in") return right.includes(left);
    if (operator.startsWith("not")) return !right.includes(left);
    if (operator === "!=") return left !== right;
    return ["==", "<=", ">="].includes(operator) && left === right;
  };

  // "; python_version < '3.11' and (…)" as true, false, or what cannot be told; throws where it is no marker.
  const marker = (text, python) => {
    let left = text;
    const take = (form) => {
      const found = form.exec(left);
      if (found !== null) left = left.slice(found[0].length);
      return found;
    };
    const value = (name) => (OF_PYTHON.includes(name) ? python : MACHINE[name]);
    const side = () => {
      const found = take(VALUE);
      if (found === null) throw new SyntaxError(text);
      if (found[3] === undefined) return { text: found[1] ?? found[2] };
      const name = variable(found[3]);
      if (name === null) throw new SyntaxError(text);
      return { name };
    };
    const atom = () => {
      if (take(/^[ \t]*\(/) !== null) {
        const inner = any();
        if (take(/^[ \t]*\)[ \t]*/) === null) throw new SyntaxError(text);
        return inner;
      }
      const one = side();
      const operator = take(OPERATOR);
      const other = operator === null ? null : side();
      if (other === null) throw new SyntaxError(text);
      const name = one.name ?? other.name;
      if (OF_PYTHON.includes(name) && python === null) return UNKNOWN;
      return compared(one.text ?? value(one.name), operator[1], other.text ?? value(other.name), name);
    };
    const joined = (word, next, wins) => {
      const found = [next()];
      while (take(word) !== null) found.push(next());
      if (found.includes(wins)) return wins;
      return found.includes(UNKNOWN) ? UNKNOWN : !wins;
    };
    const all = () => joined(/^and\b[ \t]*/, atom, false);
    const any = () => joined(/^or\b[ \t]*/, all, true);
    const told = any();
    if (left !== "") throw new SyntaxError(text);
    return told;
  };

  // A requirement's name and bounds; null where it is none. `here`: whether it is for this machine and Python.
  const requirement = (line, python) => {
    const name = NAME.exec(line);
    if (name === null) return null;
    let left = line.slice(name[0].length);
    left = left.replace(EXTRAS, "");
    const canonical = name[1].replace(/[-_.]+/g, "-").toLowerCase();
    let bounds = [];
    let said = [];
    if (left.startsWith("@")) {
      const address = /^@[ \t]*\S+(?:[ \t]+(.*))?$/.exec(left);
      if (address === null) return null;
      left = address[1] ?? "";
      if (left !== "" && !left.startsWith(";")) return null;
      if (left !== "") try { marker(left.slice(1), python); } catch { return null; }
      return { name: canonical, here: false };
    }
    const semicolon = left.indexOf(";");
    let versions = (semicolon < 0 ? left : left.slice(0, semicolon)).trim();
    const after = semicolon < 0 ? null : left.slice(semicolon + 1);
    if (versions.startsWith("(") && versions.endsWith(")")) versions = versions.slice(1, -1).trim();
    if (versions !== "") {
      said = versions.replace(/,[ \t]*$/, "").split(",").map((one) => one.trim());
      bounds = said.map(page.pep440.bound);
      if (bounds.includes(null)) return null;
    }
    try {
      const here = after === null ? true : marker(after, python);
      const text = [...new Set(bounds.map((one) => one.operator + one.said))].sort().join(",");
      const told = text.startsWith("==") && !text.includes(",") ? text.replace(/^==/, "") : text;
      return { name: canonical, here, told, bounds: bounds.map((one) => ({ ...one, said: one.said.replace(LOCAL, "") })) };
    } catch {
      return null;
    }
  };

  const lines = (text) => {
    const found = [];
    let whole = "";
    text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/).forEach((raw, at) => {
      const line = raw.replace(/(^|\s)#.*$/s, "").trimEnd();
      whole += line.replace(/\\$/, "");
      if (line.endsWith("\\")) return;
      const one = whole.trim().split(/\s--?[\p{L}\p{N}_]/u)[0].trim();
      whole = "";
      if (one !== "" && !one.startsWith("--")) found.push([at + 1, one]); // where to look is not what
    });
    return found;
  };

  // What a person has by axis or distribution, the lines that were passed over, and the first that is no requirement.
  const read = (text, python) => {
    const have = new Map();
    const passed = [];
    for (const [number, line] of lines(text)) {
      const one = NO_RELEASE.test(line) ? { here: false } : requirement(line, python);
      if (one === null) {
        const wrong = `line ${number}: '${line}' is no requirement; write it as in 'transformers==4.57.6', or leave it out`;
        return { have: new Map(), passed, wrong };
      }
      if (one.here === UNKNOWN) passed.push(`line ${number}: ${line} (that depends on the Python: choose one)`);
      else if (!one.here) passed.push(`line ${number}: ${line}`);
      else have.set(one.name === page.data.other_s3prl ? "s3prl" : one.name, { distribution: one.name, told: one.told, bounds: one.bounds });
    }
    return { have, passed, wrong: "" };
  };

  return { read };
})();
