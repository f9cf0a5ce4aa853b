export { pageIn } from '../../../src/model/page-in.ts';
