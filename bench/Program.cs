using Sluice.Bench;
using Sluice.Bench.Scenarios;
using Sluice.Bench.Soaks;

using CancellationTokenSource interrupted = new();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true;
    interrupted.Cancel();
};
return await new BenchProgram(
    [new MergeScenario(), new RespScenario(), new FlushScenario(), new PipelineScenario(), new DogpileScenario(), new LocksScenario()],
    [new KeyCodecSoak(), new MergeSoak(), new NameSoak(), new RespSoak(), new RedisWorkersSoak(), new LockSoak(), new ReferenceSoak(), new ProtocolSoak()],
    Console.Out,
    Console.Error).RunAsync(args, interrupted.Token);
