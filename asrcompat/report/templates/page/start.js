// What is on the page already works without any of this.
page.remember = () => page.write({ ...page.table.values(), ...page.compare.values() });

page.restore = () => {
  if (location.hash.startsWith(page.PREFIX) || location.hash === "") {
    page.table.restore(page.read());
    page.compare.restore(page.read());
  }
  page.story.restore();
};

for (const pre of document.querySelectorAll("#first pre")) pre.after(page.copying(pre));
page.table.start();
page.compare.start();
page.story.start();
page.ask.start();
page.table.restore(page.read());
page.restore();
addEventListener("hashchange", page.restore);
