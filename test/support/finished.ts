// What works in pieces, all at once: for tests of what it finds, not of how long it holds the loop.
import * as conclusion from '../../agent/core/conclude.ts';
import * as rollbackTarget from '../../agent/core/deploy/rollback-target.ts';
import * as policyEdit from '../../agent/core/policy-edit.ts';
import * as way from '../../agent/core/way.ts';
import * as whatIf from '../../agent/core/what-if.ts';
import * as cache from '../../shared/compile/compile.ts';
import * as compiling from '../../shared/compile/compile.ts';
import * as emergency from '../../shared/compile/emergency.ts';
import * as exposure from '../../shared/compile/exposure.ts';
import * as offers from '../../shared/compile/offers.ts';
import * as releases from '../../shared/compile/release-index.ts';
import * as solver from '../../shared/compile/solve.ts';
import { finish, type Pieces } from '../../shared/encoding/pieces.ts';
import * as decision from '../../shared/policy/decide.ts';
import * as satisfiable from '../../shared/policy/satisfiable.ts';
import * as windows from '../../shared/policy/windows.ts';

export function finished<Given extends readonly unknown[], Result>(
  work: (...given: Given) => Pieces<Result>,
): (...given: Given) => Result {
  return (...given) => finish(work(...given));
}

export const compile = finished(compiling.compile);
export const compileEmergency = finished(emergency.compileEmergency);
export const compileFixes = finished(emergency.compileFixes);
export const compileAnew = finished(cache.compileAnew);
export const selectExposures = finished(exposure.selectExposures);
export const verifyRiskAccepted = finished(rollbackTarget.verifyRiskAccepted);
export const solve = finished(solver.solve);
export const indexReleases = finished(releases.indexReleases);
export const selectOffers = finished(offers.selectOffers);
export const decide = finished(decision.decide);
export const nextOpen = finished(windows.nextOpen);
export const findRoom = finished(windows.findRoom);
export const nextOpenings = finished(windows.nextOpenings);
export const findUnsatisfiable = finished(satisfiable.findUnsatisfiable);
export const conclude = finished(conclusion.conclude);
export const concludeIf = finished(whatIf.concludeIf);
export const findWay = finished(way.findWay);
export const editPolicy = finished(policyEdit.editPolicy);
