using Microsoft.Extensions.Logging;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Diagnostics;

/// <summary>Everything that the engine logs, with fixed event ids. Keys of resources are not logged above the debug level.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(1, LogLevel.Information, "Engine started: origin {Origin:x16}, {Partitions} partitions, prefix '{Prefix}'.")]
    public static partial void Started(this ILogger logger, ulong origin, int partitions, string prefix);

    [LoggerMessage(2, LogLevel.Information, "Engine stopped: {Report}")]
    public static partial void Stopped(this ILogger logger, ShutdownReport report);

    [LoggerMessage(10, LogLevel.Warning, "{Aggregate}, partition {Partition}: a request failed {Failures} times in a row and will be sent again.")]
    public static partial void Retrying(this ILogger logger, Exception error, string aggregate, int partition, int failures);

    [LoggerMessage(11, LogLevel.Warning, "{Aggregate}, partition {Partition}: incarnation {Incarnation} ended ({Status}); the lane goes on under a new identity.")]
    public static partial void Reincarnated(this ILogger logger, string aggregate, int partition, IncarnationId incarnation, FlushStatus status);

    [LoggerMessage(12, LogLevel.Critical, "{Aggregate}, partition {Partition}: incarnation {Incarnation}, batches {First} to {Last}: {Cause}. {Items} items are in the loss report.")]
    public static partial void Lost(this ILogger logger, string aggregate, int partition, IncarnationId incarnation, long first, long last, LossCause cause, int items);

    [LoggerMessage(13, LogLevel.Error, "{Aggregate}, partition {Partition}: a delta could not be merged ({Outcome}) and was put aside.")]
    public static partial void Refused(this ILogger logger, string aggregate, int partition, ItemOutcome outcome);

    [LoggerMessage(14, LogLevel.Information, "{Aggregate}, partition {Partition}: batch {Number}, which the server had lost, was sent again.")]
    public static partial void Replayed(this ILogger logger, string aggregate, int partition, long number);

    [LoggerMessage(15, LogLevel.Critical, "{Aggregate}, partition {Partition}: the lane ended because of a fault in the engine. Its updates are not flushed any more; restart the process and report this.")]
    public static partial void LaneEnded(this ILogger logger, Exception error, string aggregate, int partition);

    [LoggerMessage(20, LogLevel.Warning, "{Aggregate}, partition {Partition}: the completion failed at attempt {Attempt} and will be tried again: {Failure}")]
    public static partial void CompletionFailed(this ILogger logger, string aggregate, int partition, int attempt, string failure);

    [LoggerMessage(21, LogLevel.Error, "{Aggregate}, partition {Partition}: the completion failed at attempt {Attempt}, its last, and is a dead letter: {Failure}")]
    public static partial void DeadLettered(this ILogger logger, string aggregate, int partition, int attempt, string failure);

    [LoggerMessage(22, LogLevel.Warning, "{Aggregate}, partition {Partition}: a claim was taken over while its handler ran: the session is delivered twice, with the same idempotency key.")]
    public static partial void ClaimLost(this ILogger logger, string aggregate, int partition);

    [LoggerMessage(23, LogLevel.Error, "{Aggregate}, partition {Partition}: a callback that was registered with a completion's cancellation token threw.")]
    public static partial void CallbackThrew(this ILogger logger, Exception error, string aggregate, int partition);

    [LoggerMessage(30, LogLevel.Information, "{Aggregate}, partition {Partition}: took back the references of {Incarnation}, whose lease ran out.")]
    public static partial void Reaped(this ILogger logger, string aggregate, int partition, IncarnationId incarnation);

    [LoggerMessage(31, LogLevel.Error, "{Aggregate}: the {Loop} loop met an error and goes on.")]
    public static partial void LoopError(this ILogger logger, Exception error, string aggregate, string loop);

    [LoggerMessage(32, LogLevel.Error, "The application's loss handler threw.")]
    public static partial void LossHandlerThrew(this ILogger logger, Exception error);

    [LoggerMessage(33, LogLevel.Warning, "{Aggregate}, partition {Partition}: the application's code could not merge a resource's opaque deltas. They are kept as they are; correct the code before there are too many.")]
    public static partial void NotCompacted(this ILogger logger, Exception error, string aggregate, int partition);

    [LoggerMessage(40, LogLevel.Critical, "A server can't be relied on, and the engine has started already.")]
    public static partial void Unsuitable(this ILogger logger, Exception error);

    [LoggerMessage(41, LogLevel.Warning, "{Server} has maxmemory-policy {Policy}: with a memory limit it would evict what is not completed yet. Set noeviction.")]
    public static partial void WouldEvict(this ILogger logger, string server, string policy);

    [LoggerMessage(42, LogLevel.Warning, "{Server} {Loss}.")]
    public static partial void NotPersistent(this ILogger logger, string server, string loss);

    [LoggerMessage(60, LogLevel.Warning, "Dogpile: the store could not {Operation} '{Key}'; the cache goes on without it.")]
    public static partial void StoreFailed(this ILogger logger, Exception error, string operation, string key);

    [LoggerMessage(61, LogLevel.Warning, "Dogpile: the creation of '{Key}' failed; its old value is served for now.")]
    public static partial void CreationFailed(this ILogger logger, Exception error, string key);

    [LoggerMessage(63, LogLevel.Warning, "Dogpile: the server does not track keys for '{Channel}'; changes are heard by messages, which tell neither of expiry nor of other programs.")]
    public static partial void ChangesNotTracked(this ILogger logger, Exception error, string channel);

    [LoggerMessage(64, LogLevel.Warning, "Dogpile: changes can't be heard on '{Channel}'; until they can, memory asks the store about everything once a second.")]
    public static partial void ChangesNotHeard(this ILogger logger, Exception error, string channel);

    [LoggerMessage(65, LogLevel.Error, "Dogpile: a watcher of '{KeyPrefix}' threw.")]
    public static partial void WatcherThrew(this ILogger logger, Exception error, string keyPrefix);

    [LoggerMessage(62, LogLevel.Warning, "Dogpile: the lease on the creation of '{Key}' was lost; the value that it made, if any, was not kept.")]
    public static partial void CreationLeaseLost(this ILogger logger, string key);

    [LoggerMessage(66, LogLevel.Warning, "Dogpile: the mutex could not be asked about '{Key}'; its value is created without keeping others away.")]
    public static partial void CreationMutexFailed(this ILogger logger, Exception error, string key);

    [LoggerMessage(67, LogLevel.Warning, "Dogpile: the mutex could not take back the lease on the creation of '{Key}'; others may have to wait until it ends by itself.")]
    public static partial void CreationLeaseNotReleased(this ILogger logger, Exception error, string key);

    [LoggerMessage(68, LogLevel.Warning, "Dogpile: the store refuses the value of '{Key}' although its creator has the lease: the fencing token in the store is of another mutex, or of one whose tokens began anew. The value is kept in memory only; remove the key, or use another region.")]
    public static partial void CreationRefused(this ILogger logger, string key);

    [LoggerMessage(69, LogLevel.Warning, "Dogpile: the store refused the value that was set for '{Key}' although the lease was there: the fencing token in the store is of another mutex, or of one whose tokens began anew. What the store had was removed and the value written.")]
    public static partial void SetRefused(this ILogger logger, string key);

    [LoggerMessage(70, LogLevel.Warning, "Partition {Partition}: the session of this engine's locks is over; every lock that it had there is lost.")]
    public static partial void LockSessionEnded(this ILogger logger, int partition);

    [LoggerMessage(71, LogLevel.Warning, "Locks could not be renewed, and will be again until their leases end.")]
    public static partial void LockRenewalFailed(this ILogger logger, Exception error);

    [LoggerMessage(73, LogLevel.Warning, "A request about locks of partition {Partition} failed, and will be sent again.")]
    public static partial void LockRetrying(this ILogger logger, int partition, Exception error);

    [LoggerMessage(74, LogLevel.Warning, "What happens to locks is not heard from a server for now; waiters find it out with their renewals.")]
    public static partial void LockPushesNotHeard(this ILogger logger, Exception error);

    [LoggerMessage(72, LogLevel.Error, "A callback that was registered with a lock's lost token threw.")]
    public static partial void LostCallbackThrew(this ILogger logger, Exception error);

    [LoggerMessage(90, LogLevel.Warning, "{Aggregate}, partition {Partition}: the engine had been taken for dead, or the server lost writes: {Count} references were lost, and are taken anew.")]
    public static partial void ReferencesLost(this ILogger logger, string aggregate, int partition, int count);

    [LoggerMessage(91, LogLevel.Error, "{Aggregate}: a callback that was registered with a reference's lost token threw.")]
    public static partial void ReferenceCallbackThrew(this ILogger logger, Exception error, string aggregate);
}
