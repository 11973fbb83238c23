"use strict";
// A measured file over the curves of the models. The file is read here, in the browser, and goes nowhere.
(() => {
  const part = (name) => document.getElementById(`data-${name}`);
  const { wavelength, lines: anodes, curves } = JSON.parse(document.getElementById("overlay-data").textContent);
  const MOST_BYTES = 2e7;
  const FEWEST = 10; // points that must lie within the range of the models
  const LETTER = 6.6; // mean width of a letter of the legend, px
  const SPAN = 2 * Math.PI;
  // Units that x of a file may have: words, factor to the unit of the curves, and what a heading calls them.
  const UNITS = {
    fem: [["k = 1/d, nm⁻¹", 1], ["k = 1/d, Å⁻¹", 10], ["q = 2π/d, nm⁻¹", 1 / SPAN], ["q = 2π/d, Å⁻¹", 10 / SPAN]],
    xrd: [["2θ, degrees", null], ["Q = 4π sin θ/λ, Å⁻¹", null]],
    pdf: [["r, Å", 1], ["r, nm", 10]],
  };
  const AXES = {
    fem: ["k = 1/d (nm⁻¹)", "normalised variance V(k)"],
    xrd: [`2θ (°), λ = ${wavelength} Å`, "intensity (electron units per atom)"],
    pdf: ["r (Å)", "G(r) (Å⁻²)"],
  };
  const X_NAMES = /^["']?(2[ _-]?theta|2θ|tth|two[ _-]?theta|k|q|r|x)\b/i;
  const Y_NAMES = /^["']?(v|v\(k\)|variance|i|int|intensity|counts|g|g\(r\)|y|ycalc|yobs)\b/i;
  const COLOURS = ["#b8481c", "#4fa7c4", "#5c4a9c", "#c9a227", "#777777", "#0b2f6b"];
  const DASHES = ["6 3", "1 2", "8 2 1 2", "4 1 1 1 1 1", "2 2", "10 3"];
  const REMARK = /^\s*([#;!%@&'"]|\/\/|$)/;
  let data = null; // { name, rows, heads }, as read
  let base = [0]; // coefficients of the background that was fitted, in powers of the place between −1 and 1
  let place = (x) => x;

  const say = (words) => { part("said").textContent = words; };
  const finite = (text) => text !== "" && Number.isFinite(Number(text));

  // The fields of a line; with semicolons or tabs a comma is the decimal one.
  function fields(line) {
    const text = line.trim();
    const point = (one) => one.trim().replace(",", ".");
    if (text.includes(";")) return text.split(";").map(point);
    const spaced = text.split(/\s+/);
    const whole = (one) => /^[-+]?\d+(,\d+)?(e[-+]?\d+)?$/i.test(one);
    if (spaced.length > 1 && text.includes(",") && spaced.every(whole)) return spaced.map(point);
    return text.split(text.includes(",") ? /\s*,\s*/ : /\s+/).filter((one, i, all) => one !== "" || i < all.length - 1);
  }

  // Rows of numbers of a text, and the words that stand above them; throws one sentence on what is wrong.
  function parse(name, text) {
    if (text.includes("\0")) throw `${name}: is no text file; allowed: columns of numbers, such as .xy, .dat, .csv, .gr`;
    const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
    const numbers = (at) => {
      const row = at < lines.length && !REMARK.test(lines[at]) ? fields(lines[at]) : [];
      return row.length > 1 && row.every(finite) ? row.map(Number) : null;
    };
    const next = (at) => { let one = at; while (one < lines.length && REMARK.test(lines[one])) one += 1; return one; };
    let first = 0;
    for (; first < lines.length; first += 1) {
      const row = numbers(first);
      if (row && (numbers(next(first + 1)) ?? []).length === row.length) break;
    }
    if (first >= lines.length) throw `${name}: holds no columns of numbers; allowed: at least two columns, x and y`;
    const rows = [];
    for (let at = first; at < lines.length; at += 1) {
      if (REMARK.test(lines[at])) continue;
      const row = numbers(at);
      if (!row || row.length !== rows.at(-1)?.length && rows.length) {
        throw `${name}, line ${at + 1}: '${lines[at].trim().slice(0, 40)}' is not ${rows[0].length} numbers; allowed: numbers to the end`;
      }
      rows.push(row);
    }
    const above = lines.slice(0, first).filter((line) => line.trim());
    const heads = above.map((line) => fields(line.replace(/^\s*(#L|[#;!%])\s*/, ""))).reverse()
      .find((row) => row.length === rows[0].length && !row.every(finite)) ?? [];
    return { name, rows, heads, above: above.join(" ") };
  }

  // Which columns are x and y: as asked for, by their names, else the first two.
  function columns() {
    const width = data.rows[0].length;
    const asked = part("columns").value.trim();
    if (asked) {
      const found = asked.split(/[\s,;]+/).map((one) => (finite(one) ? Number(one) - 1 : data.heads.indexOf(one)));
      if (found.length !== 2 || found.some((at) => !Number.isInteger(at) || at < 0 || at >= width)) {
        throw `columns '${asked}': not in ${data.name}; allowed: two of 1 to ${width}`
          + (data.heads.length ? ` or of ${data.heads.join(", ")}` : "");
      }
      return found;
    }
    const x = data.heads.findIndex((head) => X_NAMES.test(head));
    const y = data.heads.findIndex((head, at) => at !== x && Y_NAMES.test(head));
    return x >= 0 && y >= 0 ? [x, y] : [0, 1];
  }

  // What kind of data x and y look like, and by what.
  function guess(x, y, head) {
    const has = (kind) => curves.some((one) => one.kind === kind);
    const named = /theta|2θ|tth/i.test(head) ? "xrd" : /^r\b/i.test(head) ? "pdf" : /^k\b/i.test(head) ? "fem" : null;
    if (named && has(named)) return [named, "by the name of its column"];
    const top = x.reduce((a, b) => Math.max(a, b));
    const below = y.some((one) => one < 0);
    const kind = top > 35 ? "xrd" : below ? "pdf" : "fem";
    return [has(kind) ? kind : part("kind").value, "by its range"];
  }

  // The wavelength that the words above the numbers name, Å, by its value or by the anode; null without one.
  function stated(above) {
    const value = /(?:wave[ -]?length|lambda|λ)[^\d\n]{0,20}(\d*[.,]\d+) *(nm)?/i.exec(above);
    const found = value && Number(value[1].replace(",", ".")) * (value[2] ? 10 : 1);
    if (found >= 0.05 && found <= 5) return found;
    const anode = /\b(Ag|Co|Cr|Cu|Fe|Mo)[ _-]?K[ _-]?(?:a|α|alpha)/i.exec(above)?.[1].toLowerCase();
    return Object.entries(anodes).find(([name]) => name.toLowerCase() === anode)?.[1] ?? null;
  }

  function unitOf(kind, x, head) {
    const top = x.reduce((a, b) => Math.max(a, b));
    if (kind === "xrd") return /^q\b/i.test(head) || top < 15 ? 1 : 0;
    if (kind === "pdf") return /nm/i.test(head) ? 1 : 0;
    const angstrom = /A\^?-1|1\/A|Å/i.test(head) || (!/nm/i.test(head) && top < 1.6);
    return (/^q\b/i.test(head) ? 2 : 0) + (angstrom ? 1 : 0);
  }

  // x in the unit of the curves; NaN where the models' wavelength reaches no such angle.
  function converted(x) {
    const kind = part("kind").value;
    const unit = Number(part("unit").value);
    if (kind !== "xrd") return x.map((one) => one * UNITS[kind][unit][1]);
    const own = Number(part("wavelength").value);
    const sine = (one) => (unit ? (one * wavelength) / (4 * Math.PI) : (Math.sin((one * Math.PI) / 360) * wavelength) / own);
    const possible = (one) => one >= 0 && (unit || one <= 180);
    return x.map((one) => (possible(one) ? (Math.asin(sine(one)) * 360) / Math.PI : NaN));
  }

  // Points of the file, in the unit of the curves, x rising.
  function points() {
    if (!data) return null;
    const [ix, iy] = columns();
    let x = converted(data.rows.map((row) => row[ix]));
    let y = data.rows.map((row) => row[iy]);
    if (x.length > 1 && x[0] > x.at(-1)) { x = x.reverse(); y = y.reverse(); }
    const back = x.findIndex((one, at) => at > 0 && one < x[at - 1]);
    if (back > 0) throw `${data.name}, row ${back + 1} of numbers: x goes back; allowed: x that rises or falls; is column ${ix + 1} x?`;
    return { x, y };
  }

  const usual = () => (part("kind").value === "pdf" ? "-1" : "1"); // G(r) has no background
  const chosen = () => curves.filter((one) => one.kind === part("kind").value);
  const model = () => chosen()[Number(part("model").value)];

  function interpolate(curve, x) {
    const xs = curve.x;
    if (!(x >= xs[0] && x <= xs.at(-1))) return NaN;
    let low = 0;
    let high = xs.length - 1;
    while (high - low > 1) { const mid = (low + high) >> 1; if (xs[mid] <= x) low = mid; else high = mid; }
    return curve.y[low] + ((x - xs[low]) / (xs[high] - xs[low])) * (curve.y[high] - curve.y[low]);
  }

  // Least squares by the normal equations, pivoted; null where they have no one solution.
  function solve(rows, values) {
    const n = rows[0].length;
    const m = [...Array(n)].map((_, i) => [...Array(n + 1)].map((__, j) =>
      rows.reduce((sum, row, at) => sum + row[i] * (j < n ? row[j] : values[at]), 0)));
    for (let i = 0; i < n; i += 1) {
      const best = [...Array(n - i)].map((_, j) => i + j).reduce((a, b) => (Math.abs(m[b][i]) > Math.abs(m[a][i]) ? b : a));
      [m[i], m[best]] = [m[best], m[i]];
      if (!(Math.abs(m[i][i]) > 1e-12 * rows.length)) return null;
      for (let j = 0; j < n; j += 1) {
        if (j === i) continue;
        const factor = m[j][i] / m[i][i];
        for (let k = i; k <= n; k += 1) m[j][k] -= factor * m[i][k];
      }
    }
    return m.map((row, i) => row[n] / row[i]);
  }

  // data = a · model + background, so the data are drawn as (data − background) / a.
  function fit(found) {
    const degree = Number(part("background").value);
    const inside = found.x.map((x, i) => [x, found.y[i], interpolate(model(), x)]).filter((one) => Number.isFinite(one[2]));
    const [low, high] = [model().x[0], model().x.at(-1)].map((one) => one.toFixed(2));
    if (inside.length < FEWEST) {
      throw `${data.name}: ${inside.length} points between ${low} and ${high}; allowed: at least ${FEWEST}. Is it this kind of data, and the unit of x right?`;
    }
    const [start, end] = [inside[0][0], inside.at(-1)[0]];
    place = (x) => (2 * (x - start)) / (end - start || 1) - 1;
    const size = Math.max(...inside.map((one) => Math.abs(one[2]))) || 1;
    const powers = (x) => [...Array(degree + 1)].map((_, n) => place(x) ** n);
    const found_ = solve(inside.map(([x, , m]) => [m / size, ...powers(x)]), inside.map((one) => one[1]));
    if (!found_ || found_[0] <= 0) {
      base = [0];
      throw `${data.name}: no positive scale fits ${model().label}; set scale and offset by hand, or choose another background.`;
    }
    base = found_.slice(1);
    part("scale").value = String(Number((size / found_[0]).toPrecision(6)));
    part("offset").value = "0";
    // A file that starts below the models' range keeps only its part inside; the words say how many points those are.
  }

  const background = (x) => base.reduce((sum, one, n) => sum + one * place(x) ** n, 0);

  function shownData(found) {
    const [scale, offset] = ["scale", "offset"].map((name) => Number(part(name).value));
    const ends = [model().x[0], model().x.at(-1)];
    const kept = found.x.map((x, i) => [x, scale * (found.y[i] - background(x)) + offset]).filter(([x]) => x >= ends[0] && x <= ends[1]);
    return { x: kept.map((one) => one[0]), y: kept.map((one) => one[1]) };
  }

  function nice(low, high, most) {
    const rough = (high - low) / most || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
    const ticks = [];
    for (let at = Math.ceil(low / step) * step; at <= high + 1e-9 * step; at += step) ticks.push(Number(at.toPrecision(10)));
    return ticks;
  }

  const escaped = (text) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);

  // A label in lines of no more than so many letters, broken between words where there are any.
  function inLines(words, most) {
    return words.split(" ").reduce((lines, word) => {
      const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
      return lines.length && longer.length <= most ? [...lines.slice(0, -1), longer] : [...lines, word];
    }, []);
  }

  function draw(found) {
    const main = model();
    const others = part("all").checked ? chosen().filter((one) => one !== main && one.group === main.group) : [];
    const drawn = [[main.label, '<path d="M0 0h30" stroke="#0b2f6b" stroke-width="2.4"/>']];
    const shown = found ? shownData(found) : null;
    const width = Math.max(280, part("plot").clientWidth - 18);
    const across_ = width > 700 ? 2 : 1; // columns of the legend
    const height = Math.min(420, Math.max(260, width * 0.55));
    const [left, right, top, bottom] = [62, 10, 10, 44];
    const edge = across_ > 1 ? left : 8; // where the legend begins
    let [x0, x1] = [main.x[0], main.x.at(-1)];
    if (shown?.x.length) {
      const room = 0.03 * (x1 - x0);
      [x0, x1] = [Math.max(x0, shown.x[0] - room), Math.min(x1, shown.x.at(-1) + room)];
    }
    const within = (curve) => curve.y.filter((y, i) => y !== null && curve.x[i] >= x0 && curve.x[i] <= x1);
    const all = [main, ...others, ...(shown ? [shown] : [])].flatMap(within);
    let [y0, y1] = all.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
    const margin = 0.05 * (y1 - y0 || 1);
    [y0, y1] = [y0 - margin, y1 + margin];
    const px = (x) => left + ((x - x0) / (x1 - x0)) * (width - left - right);
    const py = (y) => height - bottom - ((y - y0) / (y1 - y0)) * (height - top - bottom);
    const line = (curve, ys = curve.y) => curve.x.map((x, i) => [x, ys[i]]).filter(([x, y]) => y !== null && x >= x0 && x <= x1)
      .map(([x, y], i) => `${i ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("");
    const marks = [];
    const text = (x, y, words, more = "") => marks.push(`<text x="${x}" y="${y}" ${more}>${escaped(words)}</text>`);
    for (const tick of nice(x0, x1, width / 90)) {
      marks.push(`<path d="M${px(tick).toFixed(1)} ${height - bottom}v5" stroke="#1b1f24"/>`);
      text(px(tick).toFixed(1), height - bottom + 18, String(tick), 'text-anchor="middle"');
    }
    for (const tick of nice(y0, y1, height / 60)) {
      marks.push(`<path d="M${left} ${py(tick).toFixed(1)}h-5" stroke="#1b1f24"/>`);
      text(left - 8, (py(tick) + 4).toFixed(1), String(tick), 'text-anchor="end"');
    }
    marks.push(`<path d="M${left} ${top}V${height - bottom}H${width - right}" fill="none" stroke="#1b1f24"/>`);
    const [across, up] = AXES[main.kind];
    text((left + width - right) / 2, height - 6, across, 'text-anchor="middle"');
    text(0, 0, up, `text-anchor="middle" transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)"`);
    if (shown) {
      marks.push(`<g id="data-points" fill="#444">${shown.x.map((x, i) => `<circle cx="${px(x).toFixed(1)}" cy="${py(shown.y[i]).toFixed(1)}" r="1.8"/>`).join("")}</g>`);
      drawn.unshift([`${data.name}, measured`, '<g fill="#444"><circle cx="5" cy="0" r="1.8"/><circle cx="15" cy="0" r="1.8"/><circle cx="25" cy="0" r="1.8"/></g>']);
    }
    others.forEach((one, i) => {
      const look = `fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="1.1" stroke-dasharray="${DASHES[i % DASHES.length]}"`;
      marks.push(`<path class="other" d="${line(one)}" ${look}/>`);
      drawn.push([one.label, `<path d="M0 0h30" ${look}/>`]);
    });
    if (main.spread) {
      // V and intensities end at zero: the same interval as in the figures, longer upwards; G(r) has either sign.
      const ends = main.y.map((y, i) => {
        const step = main.spread[i];
        if (main.kind === "pdf" || !(step > 0)) return [y - step, y + step];
        const ratio = step ** 2 / Math.max(y, step / 2);
        const half = Math.sqrt(ratio * Math.max(y, 0) + ratio ** 2 / 4);
        return [y + ratio / 2 - half, y + ratio / 2 + half];
      });
      const up_ = line(main, ends.map(([, high]) => high));
      const down = main.x.map((x, i) => [x, ends[i][0]]).filter(([x]) => x >= x0 && x <= x1).reverse()
        .map(([x, y]) => `L${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("");
      marks.push(`<path d="${up_}${down}Z" fill="#4fa7c4" fill-opacity="0.35"/>`);
    }
    marks.push(`<path id="data-curve" d="${line(main)}" fill="none" stroke="#0b2f6b" stroke-width="2"/>`);
    const column = (width - edge) / across_;
    const labels = drawn.map(([name]) => inLines(name, Math.floor((column - 38) / LETTER)));
    let whole = height + 12;
    for (let first = 0; first < drawn.length; first += across_) {
      drawn.slice(first, first + across_).forEach(([, sample], i) => {
        marks.push(`<g transform="translate(${edge + i * column} ${whole})">${sample}</g>`);
        labels[first + i].forEach((line_, n) => text(edge + i * column + 38, whole + 4 + 14 * n, line_));
      });
      whole += 4 + 14 * Math.max(...labels.slice(first, first + across_).map((one) => one.length));
    }
    const words = `${found ? `${data.name}, measured, over ` : ""}${main.label}`;
    part("plot").innerHTML = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${whole}" width="${width}" height="${whole}" font-family="sans-serif" font-size="12" fill="#1b1f24"><title>${escaped(words)}</title><rect width="100%" height="100%" fill="#fff"/>${marks.join("")}</svg>`;
    part("plot").setAttribute("aria-label", words);
    const band = main.spread ? " The band is the standard deviation over models." : "";
    part("caption").textContent = `Thick line: ${main.label}.${band}${found ? ` Points: ${data.name}, drawn as scale × (data − background) + offset.` : ""}`;
    return shown;
  }

  // How well the shown data and the chosen model agree, as the command line says it: residuals in the unit of the data.
  function agreement(found) {
    const scale = Number(part("scale").value);
    const offset = Number(part("offset").value);
    const rows = found.x.map((x, i) => [found.y[i], (interpolate(model(), x) - offset) / scale + background(x)]).filter((one) => Number.isFinite(one[1]));
    const left = rows.reduce((sum, [o, c]) => sum + (o - c) ** 2, 0);
    return [rows.length, Math.sqrt(left / rows.reduce((sum, [o]) => sum + o ** 2, 0))];
  }

  // The models that a new file fits best, and words on it; the first ones where none fits.
  function closest() {
    const sets = chosen().length;
    const fits = [...Array(sets)].map((_, at) => {
      part("model").value = String(at);
      try {
        const found = points();
        fit(found);
        return [agreement(found)[1], at];
      } catch (error) {
        if (typeof error !== "string") throw error;
        return [Infinity, at];
      }
    }).sort(([a], [b]) => a - b);
    const [rwp, best] = fits[0];
    part("model").value = String(Number.isFinite(rwp) ? best : 0);
    if (sets < 2 || !Number.isFinite(rwp)) return "";
    const last = fits.filter(([one]) => Number.isFinite(one)).at(-1);
    const fitted = fits.filter(([one]) => Number.isFinite(one)).length;
    return ` Closest of ${sets} sets of models: ${model().label}`
      + `${fitted > 1 ? `; Rwp of the others reaches ${last[0].toPrecision(4)}` : ""}${fitted < sets ? `; without a scale that fits: ${sets - fitted}` : ""}.`;
  }

  let told = "";
  function show(refit) {
    try {
      part("line").hidden = part("kind").value !== "xrd" || part("unit").value !== "0";
      const found = points();
      if (found && refit) fit(found);
      draw(found);
      if (!found) return;
      const [n, rwp] = agreement(found);
      const outside = found.x.length - n;
      say(`${told} The data are drawn times ${part("scale").value}; Rwp ${rwp.toPrecision(4)} over ${n} points`
        + `${outside ? `; ${outside} outside the range of the models are not drawn` : ""}.`);
    } catch (error) {
      if (typeof error !== "string") throw error;
      say(error);
      try { draw(points()); } catch { draw(null); }
    }
  }

  function offerUnits(unit) {
    part("unit").replaceChildren(...UNITS[part("kind").value].map(([words], i) => new Option(words, i)));
    part("unit").value = String(unit);
  }

  function offerModels() {
    part("model").replaceChildren(...chosen().map((one, i) => new Option(one.label, i)));
  }

  async function read(file) {
    try {
      if (file.size > MOST_BYTES) throw `${file.name}: ${(file.size / 1e6).toFixed(0)} MB; allowed: up to ${MOST_BYTES / 1e6} MB`;
      const text = await new Promise((done, failed) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result);
        reader.onerror = () => failed(`${file.name}: cannot be read (${reader.error.message})`);
        reader.readAsText(file);
      });
      part("columns").value = "";
      data = parse(file.name, text);
      const [ix, iy] = columns();
      const [x, y] = [ix, iy].map((at) => data.rows.map((row) => row[at]));
      const head = data.heads[ix] ?? "";
      const [kind, by] = guess(x, y, head);
      part("kind").value = kind;
      offerUnits(unitOf(kind, x, head));
      offerModels();
      part("background").value = usual();
      const name = (at) => (data.heads[at] ? `${at + 1} (${data.heads[at]})` : String(at + 1));
      const own = stated(data.above);
      part("wavelength").value = String(own ?? wavelength);
      told = `${file.name}: ${data.rows.length} points, x in column ${name(ix)}, y in column ${name(iy)}; taken for `
        + `${part("kind").selectedOptions[0].text} ${by}: choose another kind if that is wrong.`
        + `${own && kind === "xrd" ? ` The file says ${own} Å.` : ""}`;
      told += closest();
      show(true);
    } catch (error) {
      if (typeof error !== "string") throw error;
      data = null;
      say(error);
      draw(null);
    }
  }

  function save(name, href) {
    Object.assign(document.createElement("a"), { href, download: name }).click();
  }
  const drawing = () => new XMLSerializer().serializeToString(part("plot").querySelector("svg"));

  part("file").addEventListener("change", () => { if (part("file").files[0]) read(part("file").files[0]); });
  part("kind").addEventListener("change", () => {
    offerUnits(0);
    offerModels();
    part("background").value = usual();
    show(true);
  });
  for (const name of ["unit", "wavelength", "columns", "model", "background"]) part(name).addEventListener("change", () => show(true));
  for (const name of ["scale", "offset", "all"]) part(name).addEventListener("input", () => show(false));
  part("fit").addEventListener("click", () => show(true));
  part("save-svg").addEventListener("click", () => save("measured-and-models.svg", `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing())}`));
  part("save-png").addEventListener("click", () => pictureOf(drawing(), "measured-and-models.png"));
  part("save-csv").addEventListener("click", () => {
    const found = points();
    const shown = found ? shownData(found) : { x: [], y: [] };
    const quoted = (words) => `"${words.replace(/"/g, '""')}"`;
    const heads = [AXES[model().kind][0], "measured, as drawn", model().label].map(quoted).join(",");
    const rows = shown.x.length ? shown.x.map((x, i) => [x, shown.y[i], interpolate(model(), x)]) : model().x.map((x, i) => [x, "", model().y[i]]);
    save("measured-and-models.csv", `data:text/csv;charset=utf-8,${encodeURIComponent([heads, ...rows.map((row) => row.join(","))].join("\n"))}`);
  });
  document.querySelector("#overlay form").addEventListener("submit", (event) => event.preventDefault());
  // Anywhere on the page: a file that falls beside the box would else be opened in place of the page.
  addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
  addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    document.getElementById("overlay").scrollIntoView({ block: "nearest" });
    read(file);
  });
  offerUnits(0);
  offerModels();
  show(false);
  addEventListener("resize", () => show(false));
})();
