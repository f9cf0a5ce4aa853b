/** A git server that a test may kill: `node git-server-process.ts <repo> <failpoints>` prints its URL. */
import { armFailpoints } from '../../src/model/failpoint.ts';
import { gateWith, serveGit } from './git-server.ts';

const [, , repo = '', failpoints = ''] = process.argv;
armFailpoints(failpoints);
const { url } = await serveGit(repo, gateWith());
console.log(url);
