-- For wrk: each request is a report of another instance, with a number that only goes up.
local tokens, sequence, at = {}, 100, 0
for line in io.lines(os.getenv('FAIRLEAD_BENCH_TOKENS')) do tokens[#tokens + 1] = line end
local report = os.getenv('FAIRLEAD_BENCH_REPORT')
wrk.method = 'POST'

function request()
  at = at + 1
  if at > #tokens then at, sequence = 1, sequence + 1 end
  local headers = { ['content-type'] = 'application/json', authorization = 'Bearer ' .. tokens[at] }
  return wrk.format(nil, nil, headers, (report:gsub('"sequence":%d+', '"sequence":' .. sequence)))
end
