// What is on the page already works without any of this.
page.remember = () => page.write({ ...page.table.values(), ...page.compare.values(), ...page.story.values() });

// What the address says; one that leads to a place of the page leaves the table as it is.
page.restore = () => {
  const given = page.read();
  if (location.hash.startsWith(page.PREFIX) || location.hash === "" || location.hash === "#table") {
    page.table.restore(given);
    page.compare.restore(given);
  }
  page.story.restore(given);
  if (location.hash.startsWith(page.PREFIX)) {
    page.remember(); // without what is not in this report any more
    document.getElementById("table").scrollIntoView();
  }
};

for (const pre of document.querySelectorAll("#first > pre, #changed pre")) pre.after(page.copying(pre));
page.table.start();
page.compare.start();
page.story.start();
page.ask.start();
page.table.restore(page.read());
page.restore();
addEventListener("hashchange", page.restore);
