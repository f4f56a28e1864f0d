// On pages other than the table: what is there to be pasted can be copied.
for (const pre of document.querySelectorAll("pre.paste")) pre.after(page.copying(pre));
