"use strict";
// Tables sort by the column whose heading is pressed; numbers by the value in data-value, words by the alphabet.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === "" || y === "") return (x === "") - (y === ""); // empty cells stay last
        const [p, q] = [Number(x), Number(y)];
        const sign = Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y) : p - q;
        return down ? -sign : sign;
      };
      const body = table.tBodies[0];
      [...body.rows].sort(order).forEach((row) => body.append(row));
    });
  });
}
addEventListener("beforeprint", () => document.querySelectorAll("details:not(.long)").forEach((one) => { one.open = true; }));
// A drawing as a picture, twice as fine as the screen, for slides.
function pictureOf(drawing, name) {
  const image = new Image();
  image.onload = () => {
    const fine = 2 * Math.max(1, 1400 / image.width);
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width * fine, height: image.height * fine });
    const brush = canvas.getContext("2d");
    brush.fillStyle = "#fff";
    brush.fillRect(0, 0, canvas.width, canvas.height);
    brush.drawImage(image, 0, 0, canvas.width, canvas.height);
    Object.assign(document.createElement("a"), { href: canvas.toDataURL("image/png"), download: name }).click();
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing)}`;
}
for (const button of document.querySelectorAll("button.download")) {
  button.addEventListener("click", () => {
    const own = button.closest("figure").querySelector("svg");
    const drawing = new XMLSerializer().serializeToString(own);
    if (button.dataset.as === "png") pictureOf(drawing, `${button.dataset.name}.png`);
    else {
      const href = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing)}`;
      Object.assign(document.createElement("a"), { href, download: `${button.dataset.name}.svg` }).click();
    }
  });
}
