"""Whether a page is accessible, by the rules of axe-core and two of our own."""

from functools import cache
from pathlib import Path
from typing import Any

from support.builds import node_packages

PACKAGES = Path(__file__).parents[1] / "accessibility"
#: WCAG 2.2, level AA, and axe-core's best practices. A rule of WCAG 2.2 is off by default.
RUN = """
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const options = {runOnly: tags, rules: {'target-size': {enabled: true}},
                 resultTypes: ['violations'], selectors: false, preload: false, iframes: false};
return axe.run(options).then(result => {
  const wrong = result.violations.flatMap(rule => rule.nodes.map(it => rule.id + ': ' + it.html));
  if (!document.documentElement.dir) wrong.push('no direction');
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  if (new Set(ids).size !== ids.length) wrong.push('an id twice: ' + ids);
  return wrong;
});
"""


def problems(driver: Any) -> list[str]:
    """Return a line for each element of the page that breaks a rule: the rule, and its HTML."""
    if not driver.execute_script("return 'axe' in window"):
        driver.execute_script(_axe())
    found: list[str] = driver.execute_script(RUN)
    return found


@cache
def _axe() -> str:
    return (node_packages(PACKAGES) / "axe-core" / "axe.min.js").read_text()
