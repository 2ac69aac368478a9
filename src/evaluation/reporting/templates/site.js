// Everything here is a convenience: without it the first map layer, the whole list and the contents remain.
(function () {
  "use strict";
  document.documentElement.classList.add("scripted");

  document.querySelectorAll(".contents details").forEach(function (contents) {
    contents.open = window.matchMedia("(min-width: 1180px)").matches;
  });

  document.querySelectorAll("script.tile-layers").forEach(function (data) {
    var values = JSON.parse(data.textContent);
    var figure = data.closest("figure");
    var map = figure.querySelector(".tiles");
    var key = map.querySelector(".key");
    var buttons = figure.querySelectorAll("[data-layer]");

    function swatch(cssClass, text) {
      var entry = document.createElement("span");
      var colour = document.createElement("i");
      colour.className = "swatch " + cssClass;
      entry.append(colour, text);
      return entry;
    }

    function show(index) {
      var layer = values.layers[index];
      layer.fills.forEach(function (fill, i) { map.style.setProperty("--c" + i, fill); });
      map.querySelectorAll("[data-tile]").forEach(function (tile) {
        var place = Number(tile.dataset.tile);
        var category = layer.classes[place];
        var text = layer.texts[place];
        tile.setAttribute("class", "tile " + (category < 0 ? "missing" : "c" + category));
        tile.firstElementChild.textContent = values.names[place] + (text ? ": " + text : "");
      });
      key.replaceChildren(...layer.categories.map(function (name, i) { return swatch("c" + i, name); }),
        swatch("hatched", values.missing));
      buttons.forEach(function (button) {
        button.setAttribute("aria-pressed", String(Number(button.dataset.layer) === index));
      });
    }

    buttons.forEach(function (button) {
      button.addEventListener("click", function () { show(Number(button.dataset.layer)); });
    });
  });

  document.querySelectorAll(".finder").forEach(function (finder) {
    var form = finder.querySelector("form");
    var search = form.querySelector("input");
    var selects = Array.from(form.querySelectorAll("select"));
    var rows = Array.from(finder.querySelectorAll("tbody tr"));
    var count = finder.querySelector(".finder-count");

    function filter() {
      var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      var shown = 0;
      rows.forEach(function (row) {
        var fits = words.every(function (word) { return row.dataset.search.includes(word); }) &&
          selects.every(function (select) { return !select.value || row.dataset[select.name] === select.value; });
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      count.textContent = count.dataset.pattern.replace("{shown}", shown).replace("{total}", rows.length);
    }

    form.addEventListener("input", filter);
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var first = rows.find(function (row) { return !row.hidden && row.querySelector("a[href]"); });
      if (first && search.value) { first.querySelector("a[href]").click(); }
    });
    filter();
  });

  document.querySelectorAll(".sortable table").forEach(function (table) {
    var headings = Array.from(table.tHead.rows[0].cells);
    headings.forEach(function (heading, column) {
      heading.tabIndex = 0;
      heading.setAttribute("aria-sort", "none");

      function key(row) {
        var cell = row.cells[column];
        return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
      }

      function sort() {
        var sign = heading.getAttribute("aria-sort") === "descending" ? 1 : -1;
        var body = table.tBodies[0];
        var rows = Array.from(body.rows).map(function (row) { return [key(row), row]; });
        rows.sort(function (one, two) {
          if (one[0] === "" || two[0] === "") { return (one[0] === "") - (two[0] === ""); }
          return sign * (typeof one[0] === "number" && typeof two[0] === "number"
            ? one[0] - two[0] : String(one[0]).localeCompare(String(two[0])));
        });
        headings.forEach(function (other) { other.setAttribute("aria-sort", "none"); });
        heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        body.append(...rows.map(function (pair) { return pair[1]; }));
      }

      heading.addEventListener("click", sort);
      heading.addEventListener("keydown", function (event) {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
      });
    });
  });
})();
