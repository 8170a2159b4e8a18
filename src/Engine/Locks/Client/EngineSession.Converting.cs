using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Handles that become something else.</summary>
internal sealed partial class EngineSession
{
    /// <summary>Waits until an upgradeable holder is the only one.</summary>
    public async ValueTask<(bool IsGranted, long Token)> UpgradeAsync(HeldLock held, long step, LockDeadline deadline, CancellationToken cancellation)
    {
        LockCalls calls = new();
        try
        {
            while (true)
            {
                LockWaiting waiting = NewWaiting(isUpgrade: true);
                if (!TryRegister(held.Number, waiting))
                    throw new LockLostException();
                ConvertRequest request = new(Id, held.Number, step, LockMode.Exclusive, deadline.Waits) { Seen = _client.Seen[Partition] };
                AcquireReply reply = await AskAsync(request, calls, deadline, cancellation).ConfigureAwait(false);
                if (reply.Status == AcquireStatus.Granted)
                    return (true, reply.Token);
                if (reply.Status == AcquireStatus.Busy)
                    return (false, 0);
                if (reply.Status != AcquireStatus.Waiting)
                    throw Lost(reply.Status);
                waiting.IsQueued = true;
                if (HadGapSince(waiting))
                    continue;

                ComeBackAt(reply.NextExpiry, reply.Now);
                (WaitEnd end, _, _) = await WaitAsync(waiting, deadline, cancellation).ConfigureAwait(false);
                switch (end)
                {
                    case WaitEnd.Granted:
                    case WaitEnd.Forgotten:
                        // All upgrades of a handle wait under its number, and a push or a look-up may be of an earlier one that was given up: it is a hint, and the step's own answer decides.
                        break;
                    case WaitEnd.GivenUp:
                        return (false, 0);
                    default:
                        throw new LockLostException();
                }
            }
        }
        catch (CoordinatorException) when (deadline.IsOver)
        {
            return (false, 0);
        }
        catch (OperationCanceledException)
        {
            return (false, 0);
        }
        finally
        {
            Unregister(held.Number);
        }
    }

    /// <summary>Another mode, that needs no waiting.</summary>
    /// <returns>The token.</returns>
    public async ValueTask<long> ConvertAsync(HeldLock held, long step, LockMode mode, CancellationToken cancellation)
    {
        // Beyond the lease there is nothing to convert.
        LockDeadline deadline = new(Clock, ValidUntil);
        ConvertRequest request = new(Id, held.Number, step, mode, Waits: false) { Seen = _client.Seen[Partition] };
        AcquireReply reply = await AskAsync(request, new LockCalls(), deadline, cancellation).ConfigureAwait(false);
        return reply.Status == AcquireStatus.Granted ? reply.Token : throw Lost(reply.Status);
    }
}
