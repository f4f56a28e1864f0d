"use strict";
// What the view shows is in the address after "#view:", so that it can be sent to somebody.
const page = { data: JSON.parse(document.getElementById("data").textContent) };

page.PREFIX = "#view:";

page.read = () => new URLSearchParams(location.hash.startsWith(page.PREFIX) ? location.hash.slice(page.PREFIX.length) : "");

page.write = (values) => {
  const chosen = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  const text = chosen.toString();
  // from a file nothing but what comes after the # may be replaced
  history.replaceState(null, "", text ? page.PREFIX + text : "#table");
};

// An element with text and children; everything that packages said comes in as text.
page.make = (tag, text, ...children) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};

// A name as the head of a narrow column: cut where its parts meet, and never inside a word.
page.broken = (text) => text.split(/(?<=@)/).flatMap((part, at) => (at > 0 ? [page.make("wbr"), part] : [part]));

// What stands between backticks is code, as on the other pages.
page.prose = (text) => text.split(/(`[^`]+`)/).filter(Boolean).map((part) => (/^`[^`]+`$/.test(part) ? page.make("code", part.slice(1, -1)) : part));

page.link = (text, address) => {
  const element = page.make("a", text);
  element.href = address;
  return element;
};
