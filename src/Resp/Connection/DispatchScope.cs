namespace Sluice.Resp.Connection;

/// <summary>
/// The connections on which continuations of the batch that this thread runs have enqueued commands that nobody has written yet: they are written when the batch ends.
/// </summary>
/// <remarks>Belongs to one thread. What a blocked continuation keeps back, the clock writes.</remarks>
internal sealed class DispatchScope
{
    [ThreadStatic]
    private static DispatchScope? current;

    [ThreadStatic]
    private static DispatchScope? spare;

    private readonly RespConnection?[] _touched = new RespConnection?[8];
    private int _count;

    /// <summary>This thread's batch; null outside of one.</summary>
    public static DispatchScope? Current => current;

    /// <summary>A batch begins on this thread.</summary>
    public static DispatchScope Begin()
    {
        DispatchScope scope = spare ?? new DispatchScope();
        spare = null;
        current = scope;
        return scope;
    }

    /// <summary>The batch ends: everything that was held back is written.</summary>
    public void End()
    {
        current = null;
        Write();
        spare = this;
    }

    /// <summary>Writes what was held back until now; the batch goes on.</summary>
    public void Write()
    {
        for (int index = 0; index < _count; index++)
        {
            _touched[index]!.WriteHeldBack();
            _touched[index] = null;
        }

        _count = 0;
    }

    /// <summary>True when the connection may leave its bytes for <see cref="End"/>; false when too many connections take part.</summary>
    public bool TryHold(RespConnection connection)
    {
        for (int index = 0; index < _count; index++)
        {
            if (ReferenceEquals(_touched[index], connection))
                return true;
        }

        if (_count == _touched.Length)
            return false;
        _touched[_count++] = connection;
        return true;
    }
}
