-- For wrk: requests as they were written beforehand, one after the other, each with a proof of its own.
local requests, at = {}, 0
for one in io.open(os.getenv('FAIRLEAD_BENCH_REQUESTS'), 'rb'):read('*a'):gmatch('[^%z]+') do
  requests[#requests + 1] = one
end

function request()
  at = at % #requests + 1
  return requests[at]
end
