// A button beside every command that copies it; by its name one hears which.
page.copying = (pre) => {
  const button = page.make("button");
  const SHOWN = 80;
  const say = (word) => {
    button.textContent = word;
    button.setAttribute("aria-label", `${word}: ${pre.textContent.split("\n", 1)[0].slice(0, SHOWN)}`);
  };
  say("Copy");
  button.type = "button";
  button.className = "copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      say("Copied");
    } catch {
      getSelection().selectAllChildren(pre); // no leave to copy: what is to be copied is selected
      say("Selected");
    }
    setTimeout(() => say("Copy"), 2000);
  });
  return button;
};

page.command = (text) => {
  const pre = page.make("pre", text);
  pre.tabIndex = 0;
  return page.make("div", "", pre, page.copying(pre));
};
