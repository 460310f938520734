// Looks at pages: rules of accessibility, nothing that leads sideways, and screenshots on wish.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export class Inspector {
  constructor(app, shots) { Object.assign(this, { app, shots, looked: 0 }); }

  // No violation of WCAG 2.2 AA, and nothing that leads sideways.
  async look(page, name) {
    this.looked += 1;
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }));
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join("\n")}`);
    assert.deepEqual(told, [], `${name}: ${told.join("\n")}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} is ${wide} px too wide`);
    if (this.shots) await page.screenshot({ path: `${this.shots}/${name.replaceAll(/[^\w-]+/g, "_")}.png`, fullPage: true });
  }

  // Nothing is cut off or leads sideways in the narrowest window, and with text at 200 %.
  async fits(page, name) {
    for (const [width, size] of [[320, ""], [1280, "200%"]]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate((size) => {
        document.documentElement.style.fontSize = size;
        return document.documentElement.scrollWidth - document.documentElement.clientWidth;
      }, size);
      assert.ok(wide <= 0, `${name} is ${wide} px too wide at ${width} px ${size}`);
    }
    await page.evaluate(() => { document.documentElement.style.fontSize = ""; });
  }

  // Each page on a phone and on a desk, light and dark.
  async lookAround(context, pages, who, language) {
    const page = await context.newPage();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const [width, height] of [[390, 844], [1280, 900]]) {
        await page.setViewportSize({ width, height });
        for (const path of pages) {
          await page.goto(`${this.app}${path}`);
          const lang = await page.getAttribute("html", "lang");
          if (language) assert.equal(lang, language, path);
          await this.look(page, `${who}-${width}-${colorScheme}-${path.slice(1) || "home"}`);
        }
      }
    }
    for (const path of pages) {
      await page.goto(`${this.app}${path}`);
      await this.fits(page, `${who} ${path}`);
    }
    await page.close();
  }
}
