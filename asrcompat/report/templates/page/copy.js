// A button beside every command that copies it.
page.copying = (pre) => {
  const button = page.make("button", "Copy");
  button.type = "button";
  button.className = "copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre); // no leave to copy: what is to be copied is selected
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
};

page.command = (text) => {
  const pre = page.make("pre", text);
  pre.tabIndex = 0;
  return page.make("div", "", pre, page.copying(pre));
};
