using Sluice.Aggregates;
using Sluice.Hashing;

namespace Sluice.Allocations;

/// <summary>Allocates 24 bytes every thousandth operation: what the guard must be able to see.</summary>
internal sealed class ControlCase : AllocationCase
{
    private object _last = new();

    public override string Name => "control: one object in 1,000 must be seen";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            if (i % 1_000 == 0)
                Volatile.Write(ref _last, new object());
        }
    }
}

/// <summary>Which partition a resource belongs to is computed for every flushed item.</summary>
internal sealed class HashCase : AllocationCase
{
    private readonly byte[] _data = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];
    private ulong _sum;

    public override string Name => "XxHash64.Hash, 0 to 99 bytes";

    public override void Run(int operations)
    {
        ulong sum = 0;
        for (int i = 0; i < operations; i++)
            sum += XxHash64.Hash(_data.AsSpan(0, i % _data.Length));
        Volatile.Write(ref _sum, sum);
    }
}

/// <summary>A key becomes bytes whenever its entry is flushed.</summary>
internal sealed class StringKeyCase : AllocationCase
{
    private readonly string[] _keys = ["a", "203.0.113.7", "größer/than?ascii", new string('x', KeyCodec.MaxBytes)];
    private readonly byte[] _destination = new byte[KeyCodec.MaxBytes];
    private int _last;

    public override string Name => "KeyCodec.Encode, string, long, Guid";

    public override void Run(int operations)
    {
        int written = 0;
        Guid guid = new("0123456789abcdef0123456789abcdef");
        for (int i = 0; i < operations; i++)
        {
            written += (i % 3) switch
            {
                0 => KeyCodec.String.Encode(_keys[i % _keys.Length], _destination),
                1 => KeyCodec.Int64.Encode(-i, _destination),
                _ => KeyCodec.Guid.Encode(guid, _destination),
            };
        }

        Volatile.Write(ref _last, written);
    }
}

/// <summary>Shown every event's timestamp when a log drives the sessions.</summary>
internal sealed class EventTimeClockCase : AllocationCase
{
    private readonly EventTimeClock _clock = new();
    private long _seconds;

    public override string Name => "EventTimeClock.AdvanceTo";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
            _clock.AdvanceTo(DateTimeOffset.UnixEpoch.AddSeconds(++_seconds));
    }
}
