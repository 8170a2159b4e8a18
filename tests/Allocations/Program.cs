using System.Globalization;
using Sluice.Allocations;
using Sluice.Harness;

// A guard that cannot see an allocation guards nothing: it must first catch one object in a thousand operations.
AllocationCase control = new ControlCase();
AllocationCase[] cases = args is ["resp"] ? [] :
[
    new HashCase(),
    new StringKeyCase(),
    new EventTimeClockCase(),
    new MergeByStringCase(),
    new MergeByCharactersCase(),
    new MergeByBytesCase(),
    new MergeBatchCase(),
    new MergeEveryFieldCase(),
    new MergeAndFlushCase(),
    new MergeFixedFieldsCase(),
    new MergeBoundedFieldsCase(),
    new DogpileAcquireCase(),
    new DogpileHitCase(),
    new MutexCase(),
    new ParseCase(),
    new WriteCase(),
    new FlushEncodeCase(),
    new TransportCase(),
    new EncryptedTransportCase(),
];

int failures = 0;
Console.WriteLine($"Bytes allocated by {AllocationGuard.Operations:N0} operations, all threads; the limit is {AllocationGuard.LimitBytes:N0}.");
long caught = AllocationGuard.Measure(control);
Report(control.Name, caught, caught > AllocationGuard.LimitBytes);
foreach (AllocationCase subject in cases)
    Measure(subject);

if (PrivateRedisServer.Unavailable is { } missing)
{
    Console.WriteLine($"  skip RESP client: {missing}");
}
else
{
    using RespStage stage = new();
    foreach (AllocationCase subject in new AllocationCase[] { new RespIncrementCase(stage, 64), new RespGetCase(stage, 64), new RespScriptCase(stage, 64), new RespBatchCase(stage), new RespOneCallerCase(stage) })
        Measure(subject);
    (long managed, long resident) = IdleConnections.Measure(stage.Url);
    Report("RESP idle connection, managed memory", managed, managed <= IdleConnections.ManagedLimitBytes);
    Report("RESP idle connection, resident memory", resident, resident <= IdleConnections.ResidentLimitBytes);
}

return failures == 0 ? 0 : 1;

void Measure(AllocationCase subject)
{
    using (subject)
    {
        long bytes = AllocationGuard.Measure(subject);
        Report(subject.Name, bytes, bytes < AllocationGuard.LimitBytes);
    }
}

void Report(string name, long bytes, bool kept)
{
    failures += kept ? 0 : 1;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {(kept ? "ok  " : "FAIL")} {name,-50} {bytes,12:N0} B"));
}
