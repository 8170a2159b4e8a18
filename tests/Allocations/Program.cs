using System.Globalization;
using Sluice.Allocations;

// A guard that cannot see an allocation guards nothing: it must first catch one object in a thousand operations.
AllocationCase control = new ControlCase();
AllocationCase[] cases =
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
    new TransportCase(),
    new EncryptedTransportCase(),
];

int failures = 0;
Console.WriteLine($"Bytes allocated by {AllocationGuard.Operations:N0} operations, all threads; the limit is {AllocationGuard.LimitBytes:N0}.");
long caught = AllocationGuard.Measure(control);
Report(control.Name, caught, caught > AllocationGuard.LimitBytes);
foreach (AllocationCase subject in cases)
{
    using (subject)
    {
        long bytes = AllocationGuard.Measure(subject);
        Report(subject.Name, bytes, bytes < AllocationGuard.LimitBytes);
    }
}

return failures == 0 ? 0 : 1;

void Report(string name, long bytes, bool kept)
{
    failures += kept ? 0 : 1;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {(kept ? "ok  " : "FAIL")} {name,-50} {bytes,12:N0} B"));
}
