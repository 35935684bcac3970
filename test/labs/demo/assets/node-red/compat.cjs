// Node-RED 1.x calls helpers of node:util that Node 23 removed; this gives them back before it loads.
const util = require('node:util');

util.log ??= (...parts) => console.log(...parts);
util.isArray ??= Array.isArray;
util.isBuffer ??= Buffer.isBuffer;
util.isRegExp ??= util.types.isRegExp;
util.isDate ??= util.types.isDate;
util.isError ??= util.types.isNativeError;
util.isString ??= (value) => typeof value === 'string';
util.isFunction ??= (value) => typeof value === 'function';
util.isObject ??= (value) => value !== null && typeof value === 'object';
