export const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: light-dark(#0b57d0, #8ab4f8); }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; display: grid;
  grid-template-columns: minmax(16rem, 26rem) minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem;
  border-right: 1px solid var(--line); }
nav h1 { margin: 0 0 .5rem; font-size: 1.3rem; }
nav h2 { margin: 1rem 0 .2rem; font-size: .8rem; text-transform: uppercase; letter-spacing: .06em; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: grid; grid-template-columns: 4.2rem 1fr; padding: .1rem 0; font-size: .82rem;
  align-items: baseline; overflow-wrap: anywhere; text-decoration: none; color: inherit; }
nav li a:hover, nav li a:focus { color: var(--link); }
#search { width: 100%; padding: .5rem; font: inherit; border: 1px solid var(--line);
  border-radius: 6px; }
#count { margin: .3rem 0 0; font-size: .8rem; min-height: 1.2em; }
main { padding: 1rem 2rem 6rem; max-width: 60rem; }
main h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); text-transform: capitalize; }
article { margin: 1.5rem 0; padding: 1rem 1.2rem; border: 1px solid var(--line); border-radius: 8px; }
article:target { outline: 2px solid var(--link); }
h3 { margin: 0 0 .4rem; font-size: 1rem; overflow-wrap: anywhere; }
h4 { display: inline-block; margin: .8rem .4rem 0 0; }
p { margin: .3rem 0; }
a { color: var(--link); }
.who { font-size: .85rem; opacity: .8; }
b[class] { display: inline-block; width: 4.6em; border-radius: 4px;
  font: 700 .72rem/1.7 ui-monospace, monospace; text-align: center; text-transform: uppercase;
  color: #fff; }
.get { background: #1a6b3c; } .post { background: #0b57d0; } .put, .patch { background: #8a4b00; }
.delete { background: #b3261e; }
code, pre { font: .82rem/1.5 ui-monospace, monospace; }
pre { margin: .4rem 0; padding: .7rem; overflow: auto; max-height: 28rem; background: var(--soft);
  border-radius: 6px; }
table { width: 100%; border-collapse: collapse; margin: .6rem 0; font-size: .85rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
summary { cursor: pointer; font-size: .85rem; }
[hidden] { display: none; }
@media (max-width: 50rem) {
  body { display: block; }
  nav { position: static; height: auto; max-height: 50vh; border: 0;
    border-bottom: 1px solid var(--line); }
  main { padding: 1rem; }
}
`;

/** Hides what does not have every word that is searched for. */
export const script = `
const search = document.getElementById('search');
const count = document.getElementById('count');
const articles = [...document.querySelectorAll('article')];
const texts = articles.map((article) => article.textContent.toLowerCase());
const links = new Map([...document.querySelectorAll('nav li')]
  .map((item) => [item.querySelector('a').hash.slice(1), item]));
function show() {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let found = 0;
  articles.forEach((article, i) => {
    const isFound = words.every((word) => texts[i].includes(word));
    article.hidden = !isFound;
    links.get(article.id).hidden = !isFound;
    if (isFound) found += 1;
  });
  for (const section of document.querySelectorAll('main section')) {
    const own = [...section.querySelectorAll('article')];
    section.hidden = own.length > 0 && own.every((article) => article.hidden);
  }
  for (const list of document.querySelectorAll('nav ul')) {
    const isEmpty = [...list.children].every((item) => item.hidden);
    list.hidden = isEmpty;
    list.previousElementSibling.hidden = isEmpty;
  }
  count.textContent = words.length === 0 ? '' : found + ' of ' + articles.length + ' routes';
}
search.addEventListener('input', show);
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || document.activeElement === search) return;
  event.preventDefault();
  search.focus();
});
show();
`;
