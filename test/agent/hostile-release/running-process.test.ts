// A hostile release that runs, through the driver process.
import { describeAttacks } from './run-attacks.ts';

describeAttacks('process', import.meta.filename);
