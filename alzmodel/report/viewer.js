"use strict";
// The 3D view: one model at a time, drawn by 3Dmol.js from the numbers in #view-data.
(() => {
  const part = (name) => document.getElementById(`view-${name}`);
  const box = part("box");
  const models = JSON.parse(part("data").textContent);
  const BASE = 7; // digits of an image, as written by viewer.py
  const HALF = 3;
  const LOOK = { // colour and radius in Å of what is drawn as a ball
    O: ["#c8402f", 0.42], Li: ["#7fbf3f", 0.48], La: ["#3f7fd0", 0.72], Zr: ["#e0a100", 0.6], Al: ["#9a8fb0", 0.5],
    Ca: ["#5f9f7f", 0.7], Ce: ["#d8c878", 0.72], Er: ["#2fa08f", 0.66], Ga: ["#b07f7f", 0.5], Sr: ["#2f8f4f", 0.74],
    Ta: ["#4f8fae", 0.58], Nb: ["#6faebf", 0.58], Mg: ["#8fb010", 0.52], C: ["#777777", 0.36], Y: ["#76c5c0", 0.66],
  };
  const look = (element) => LOOK[element] ?? ["#b56fb5", 0.6];
  const SCALE = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]; // viridis
  const NONE = "#9aa0a6";
  const FEW = 12; // different whole numbers that get a colour and a legend each
  const STEPS = 32;
  const hex = (rgb) => `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;

  let viewer = null;
  let shown = -1; // the model whose atoms are in the viewer

  function onScale(fraction) {
    const place = Math.min(Math.max(fraction, 0), 1) * (SCALE.length - 1);
    const low = Math.min(Math.floor(place), SCALE.length - 2);
    return hex(SCALE[low].map((from, i) => from + (place - low) * (SCALE[low + 1][i] - from)));
  }

  // Colours of all atoms, and the legend that goes with them.
  function colours(model, choice) {
    if (choice === "element") {
      const counts = model.elements.map((_, i) => model.element.filter((one) => one === i).length);
      return {
        of: model.element.map((i) => look(model.elements[i])[0]),
        legend: model.elements.map((name, i) => [look(name)[0], `${name} (${counts[i]})`]),
      };
    }
    const { values, unit, none, names } = model.numbers[choice];
    const colourless = (value) => value === null || value === none;
    const known = values.filter((value) => !colourless(value)).sort((a, b) => a - b);
    const words = (value) => (names ? names[value] : `${value}${unit ? ` ${unit}` : ""}`);
    const levels = [...new Set(known)];
    const missing = known.length < values.length ? [[NONE, `${names?.[none] ?? "none"} (${values.length - known.length})`]] : [];
    if (levels.length <= FEW && levels.every(Number.isInteger)) {
      const colour = new Map(levels.map((level, i) => [level, onScale(levels.length < 2 ? 0.5 : i / (levels.length - 1))]));
      const counts = new Map(levels.map((level) => [level, known.filter((value) => value === level).length]));
      return {
        of: values.map((value) => colour.get(value) ?? NONE),
        legend: [...levels.map((level) => [colour.get(level), `${words(level)} (${counts.get(level)})`]), ...missing],
      };
    }
    // The outermost hundredths share the end colours, so that one stray atom does not take the scale.
    const at = (share) => known[Math.round(share * (known.length - 1))];
    const [low, high] = [at(0.01), at(0.99)];
    const span = high - low || 1;
    const colour = (value) => onScale(Math.round(STEPS * Math.min(Math.max((value - low) / span, 0), 1)) / STEPS);
    return {
      of: values.map((value) => (colourless(value) ? NONE : colour(value))),
      legend: [0, 0.25, 0.5, 0.75, 1].map((share) => [onScale(share), words(Number((low + share * span).toPrecision(3)))])
        .concat(missing),
    };
  }

  // Each cation with its oxygens: [centre, [[oxygen, whether it is in the cell itself, x, y, z], …]].
  function shellsOf(model) {
    const found = [];
    const flat = model.shells;
    const cell = model.cell ?? [0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (let at = 0; at < flat.length;) {
      const [centre, count] = [flat[at], flat[at + 1]];
      at += 2;
      const oxygens = [];
      for (let i = 0; i < count; i += 1, at += 2) {
        const [oxygen, image] = [flat[at], flat[at + 1]];
        const steps = [Math.floor(image / BASE ** 2) - HALF, (Math.floor(image / BASE) % BASE) - HALF, (image % BASE) - HALF];
        const place = [0, 1, 2].map((axis) => model.xyz[3 * oxygen + axis] / 100
          + steps[0] * cell[axis] + steps[1] * cell[3 + axis] + steps[2] * cell[6 + axis]);
        oxygens.push([oxygen, steps.every((step) => step === 0), ...place]);
      }
      found.push([centre, oxygens]);
    }
    return found;
  }

  const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const unit = (a) => { const size = Math.hypot(...a); return a.map((one) => one / size); };

  // Convex hull of a few points: [outward normal, corners in order around the face]. Every plane through three points
  // with all others on one side is a face; points of one plane make one face, as in a cube.
  function hull(points) {
    const faces = new Map();
    const n = points.length;
    for (let a = 0; a < n; a += 1) for (let b = a + 1; b < n; b += 1) for (let c = b + 1; c < n; c += 1) {
      let normal = cross(minus(points[b], points[a]), minus(points[c], points[a]));
      if (Math.hypot(...normal) < 1e-6) continue;
      normal = unit(normal);
      const height = points.map((point) => dot(normal, minus(point, points[a])));
      const above = height.some((one) => one > 0.02);
      const below = height.some((one) => one < -0.02);
      if (above === below) continue; // a cut through the middle, or all points in one plane
      if (above) normal = normal.map((one) => -one);
      const members = points.map((_, i) => i).filter((i) => Math.abs(height[i]) <= 0.02);
      const key = members.join();
      if (faces.has(key)) continue;
      const middle = [0, 1, 2].map((axis) => members.reduce((sum, i) => sum + points[i][axis], 0) / members.length);
      const east = unit(minus(points[members[0]], middle));
      const north = cross(normal, east);
      const angle = (i) => Math.atan2(dot(north, minus(points[i], middle)), dot(east, minus(points[i], middle)));
      faces.set(key, [normal, members.sort((p, q) => angle(p) - angle(q))]);
    }
    return [...faces.values()];
  }

  const xyz = ([x, y, z]) => ({ x, y, z });

  // Which atoms are drawn: all, or those of a slab through the middle, across the third edge of the cell.
  function inSlab(model) {
    const thickness = Number(part("slab").value);
    if (!thickness) return () => true;
    const cell = model.cell ?? [1, 0, 0, 0, 1, 0, 0, 0, 1];
    const normal = unit(cross(cell.slice(0, 3), cell.slice(3, 6)));
    const height = (i) => dot(normal, [0, 1, 2].map((axis) => model.xyz[3 * i + axis] / 100));
    const heights = model.element.map((_, i) => height(i));
    const [low, high] = heights.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
    return (i) => Math.abs(heights[i] - (low + high) / 2) <= thickness / 2;
  }

  // One mesh for all polyhedra of one colour.
  function addPolyhedra(model, chosen, colour, shown) {
    const meshes = new Map();
    for (const [centre, oxygens] of shellsOf(model)) {
      if (!chosen.has(model.elements[model.element[centre]]) || !shown(centre)) continue;
      const points = oxygens.map((one) => one.slice(2));
      if (!meshes.has(colour[centre])) meshes.set(colour[centre], { vertexArr: [], normalArr: [], faceArr: [] });
      const mesh = meshes.get(colour[centre]);
      for (const [normal, corners] of hull(points)) {
        const first = mesh.vertexArr.length;
        for (const corner of corners) {
          mesh.vertexArr.push(xyz(points[corner]));
          mesh.normalArr.push(xyz(normal));
        }
        for (let i = 2; i < corners.length; i += 1) mesh.faceArr.push(first, first + i - 1, first + i);
      }
    }
    for (const [name, mesh] of meshes) {
      if (mesh.faceArr.length) viewer.addCustom({ ...mesh, color: name, opacity: 0.72, side: 0 });
    }
  }

  function addCell(cell, colour) {
    const corner = (i, j, k) => xyz([0, 1, 2].map((axis) => i * cell[axis] + j * cell[3 + axis] + k * cell[6 + axis]));
    const ends = [0, 1];
    for (const i of ends) for (const j of ends) for (const [from, to] of [
      [[0, i, j], [1, i, j]], [[i, 0, j], [i, 1, j]], [[i, j, 0], [i, j, 1]]]) {
      viewer.addCylinder({ start: corner(...from), end: corner(...to), radius: 0.06, color: colour, fromCap: 1, toCap: 1 });
    }
  }

  // Centre and radius of what is drawn.
  function extent(model) {
    const axes = [0, 1, 2].map((axis) => model.xyz.filter((_, i) => i % 3 === axis));
    const centre = axes.map((values) => {
      const [low, high] = values.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
      return (low + high) / 200;
    });
    let square = 0;
    for (let i = 0; i < model.element.length; i += 1) {
      square = Math.max(square, axes.reduce((sum, values, axis) => sum + (values[i] / 100 - centre[axis]) ** 2, 0));
    }
    return [centre, Math.sqrt(square) + 1];
  }

  // Everything in sight, also where the picture is narrower than high.
  function fit(model) {
    const [centre, radius] = extent(model);
    const half = Math.tan(((viewer.fov ?? 20) * Math.PI) / 360);
    const angle = Math.atan(half * Math.min(1, box.clientWidth / box.clientHeight));
    const turn = viewer.getView().slice(4);
    viewer.setView([...centre.map((one) => -one), (viewer.CAMERA_Z ?? 150) - (0.95 * radius) / Math.sin(angle), ...turn]);
  }

  // What lies in front of the cut is left out: 0 cuts nothing, 50 through the middle.
  function cutOpen(model) {
    const radius = extent(model)[1];
    const share = Number(part("cut").value) / 100;
    viewer.setSlab(share ? (2 * share - 1) * radius : -2 * radius, 1.8 * radius);
  }

  const styleOf = (name) => getComputedStyle(box).getPropertyValue(name).trim();

  function draw() {
    if (!viewer) return;
    const number = Number(part("model").value);
    const model = models[number];
    const paint = colours(model, part("colour").value);
    const chosen = new Set([...part("polyhedra").querySelectorAll("input:checked")].map((one) => one.value));
    const view = number === shown ? viewer.getView() : null;
    viewer.removeAllModels();
    viewer.removeAllShapes();
    const inside = inSlab(model);
    const atoms = model.element.map((i, serial) => ({
      elem: model.elements[i], serial, bonds: [], bondOrder: [],
      x: model.xyz[3 * serial] / 100, y: model.xyz[3 * serial + 1] / 100, z: model.xyz[3 * serial + 2] / 100,
    })).filter((atom) => inside(atom.serial));
    const placeOf = new Map(atoms.map((atom, at) => [atom.serial, at]));
    const bonds = part("bonds").checked;
    if (bonds) {
      for (const [centre, oxygens] of shellsOf(model)) for (const [oxygen, home] of oxygens) {
        // Otherwise it would run across the whole cell, or out of the slab.
        if (!home || !placeOf.has(centre) || !placeOf.has(oxygen)) continue;
        for (const [one, other] of [[centre, oxygen], [oxygen, centre]]) {
          atoms[placeOf.get(one)].bonds.push(placeOf.get(other));
          atoms[placeOf.get(one)].bondOrder.push(1);
        }
      }
    }
    const drawn = viewer.addModel();
    drawn.addAtoms(atoms);
    const colorfunc = (atom) => paint.of[atom.serial];
    drawn.setStyle({}, {}); // what is not asked for below is not drawn
    for (const element of model.elements) {
      const style = {};
      if (part("atoms").checked) style.sphere = { radius: look(element)[1], colorfunc };
      if (bonds) style.stick = { radius: 0.09, colorfunc };
      drawn.setStyle({ elem: element }, style);
    }
    if (chosen.size) addPolyhedra(model, chosen, paint.of, inside);
    if (model.cell && part("cell").checked) addCell(model.cell, styleOf("--ink"));
    viewer.setBackgroundColor(styleOf("--paper"), 1);
    if (view) viewer.setView(view); else fit(model);
    cutOpen(model);
    viewer.render();
    shown = number;
    box.dataset.drawn = String(number); // for whoever waits for it
    box.setAttribute("aria-label", `3D view of ${model.name}: ${atoms.length} atoms`);
    part("legend").replaceChildren(...paint.legend.map(([colour, words]) => {
      const entry = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.style.background = colour;
      entry.append(swatch, words);
      return entry;
    }));
  }

  // What can be chosen depends on the model.
  function offer() {
    const model = models[Number(part("model").value)];
    const before = part("colour").value;
    const names = ["element", ...Object.keys(model.numbers)];
    part("colour").replaceChildren(...names.map((name) => new Option(name, name)));
    const wish = model.start?.colour ?? before;
    part("colour").value = names.includes(wish) ? wish : "element";
    part("cut").value = model.start?.cut ?? 0;
    part("slab").value = String(model.start?.slab ?? 0);
    const checks = new Map([...part("polyhedra").querySelectorAll("input")].map((one) => [one.value, one.checked]));
    const centres = new Set(shellsOf(model).map(([centre]) => model.elements[model.element[centre]]));
    part("polyhedra").replaceChildren(...[...centres].sort().map((element) => {
      const label = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "checkbox", value: element });
      input.checked = checks.get(element) ?? element === "Zr";
      input.addEventListener("change", draw);
      label.append(input, ` ${element}`);
      return label;
    }));
    part("polyhedra").closest("fieldset").hidden = centres.size === 0;
    part("cell").disabled = !model.cell;
    part("note").textContent = model.note;
  }

  function refuse(reason) {
    const words = document.createElement("p");
    words.textContent = `No 3D view: ${reason}. All else on this page works without it; the models themselves are the `
      + "files model.extxyz of the study.";
    box.replaceChildren(words);
    box.dataset.drawn = "none";
    box.removeAttribute("tabindex");
    document.querySelectorAll("#viewer select, #viewer input, #viewer button").forEach((one) => { one.disabled = true; });
    part("keys").hidden = true;
  }

  function start() {
    if (viewer || box.dataset.drawn) return;
    const context = (kind) => document.createElement("canvas").getContext(kind);
    if (!context("webgl2") && !context("webgl")) {
      refuse("this browser draws no WebGL, or has it turned off");
      return;
    }
    part("wait").remove();
    try {
      viewer = $3Dmol.createViewer(box, { backgroundColor: styleOf("--paper"), disableFog: false });
      draw();
    } catch (error) {
      viewer = null;
      refuse(`the graphics of this device refused (${error})`);
    }
  }

  offer();
  part("model").addEventListener("change", () => { offer(); draw(); });
  for (const name of ["colour", "atoms", "bonds", "cell", "slab"]) part(name).addEventListener("change", draw);
  part("cut").addEventListener("input", () => {
    if (!viewer) return;
    cutOpen(models[shown]);
    viewer.render();
  });
  part("reset").addEventListener("click", () => { shown = -1; draw(); });
  part("save").addEventListener("click", () => {
    if (!viewer) return;
    const name = models[shown].name.replace(/[^A-Za-z0-9.=-]+/g, "-");
    Object.assign(document.createElement("a"), { href: viewer.pngURI(), download: `${name}.png` }).click();
  });
  document.querySelector("#viewer form").addEventListener("submit", (event) => event.preventDefault());

  const KEYS = {
    ArrowLeft: () => viewer.rotate(-10, "y"), ArrowRight: () => viewer.rotate(10, "y"),
    ArrowUp: () => viewer.rotate(-10, "x"), ArrowDown: () => viewer.rotate(10, "x"),
    "+": () => viewer.zoom(1.15), "=": () => viewer.zoom(1.15), "-": () => viewer.zoom(1 / 1.15),
    0: () => fit(models[shown]),
  };
  box.addEventListener("keydown", (event) => {
    if (!viewer || !(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
    viewer.render();
  });
  // The page scrolls past the picture until it has been clicked or tapped.
  box.addEventListener("pointerup", (event) => { if (event.pointerType !== "mouse") box.focus({ preventScroll: true }); });
  box.addEventListener("mousedown", () => box.focus({ preventScroll: true }), { capture: true });
  for (const kind of ["wheel", "touchstart", "touchmove"]) {
    box.addEventListener(kind, (event) => {
      if (document.activeElement !== box) event.stopPropagation();
    }, { capture: true, passive: true });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  const print = part("print");
  addEventListener("beforeprint", () => {
    start();
    if (!viewer) return;
    print.src = viewer.pngURI();
    print.hidden = false;
    box.classList.add("printed");
  });
  addEventListener("afterprint", () => {
    print.hidden = true;
    box.classList.remove("printed");
  });
  new IntersectionObserver((entries, watch) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    start();
  }, { rootMargin: "200px" }).observe(box);
})();
