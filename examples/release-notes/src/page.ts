import type { Note } from './notes.ts';

/** A page for everybody: no script, and nothing of a note is markup. */
export const pageOf = (notes: readonly Note[]): string => `<!doctype html>
<html lang="en">
<title>Release notes</title>
<style>body { font: 16px/1.5 sans-serif; max-width: 40em; margin: 2em auto }</style>
<h1>Release notes</h1>
${notes.length > 0 ? notes.map(sectionOf).join('\n') : '<p>Nothing was released yet.</p>'}
</html>
`;

const sectionOf = ({ releaseId, publishedAt, text }: Note): string => `<section>
<h2>${inert(releaseId)}</h2>
<p><time>${inert(publishedAt)}</time></p>
<p>${inert(text || 'No note was written.')}</p>
</section>`;

const inert = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
