namespace Sluice.Fuzz.Targets;

/// <summary>Places to cut an input at: all, or some that the input's own bytes decide, so that a run can be repeated from its input alone.</summary>
internal sealed class Cuts
{
    private readonly int[] _places = new int[FuzzTarget.MaxInput + 1];
    private ulong _state;

    /// <summary>The following cuts belong to this input.</summary>
    public void Begin(ReadOnlySpan<byte> input)
    {
        _state = 14695981039346656037;
        foreach (byte b in input)
            _state = (_state ^ b) * 1099511628211;
    }

    /// <summary>1, 2, ... length. Valid until the next call.</summary>
    public ReadOnlySpan<int> Everywhere(int length)
    {
        for (int i = 0; i < length; i++)
            _places[i] = i + 1;
        return _places.AsSpan(0, length);
    }

    /// <summary>Ascending places from 1 on, the last is the length; some of them twice. Valid until the next call.</summary>
    public ReadOnlySpan<int> Some(int length)
    {
        // Sometimes many small pieces, sometimes few large ones.
        int longest = 1 + (int)(Next() % (ulong)Math.Max(1, (Next() & 1) == 0 ? 7 : length));
        int count = 0;
        int at = 0;
        while (at < length && count < 200)
        {
            if (count == 0 || (Next() & 15) != 0)
                at = Math.Min(length, at + 1 + (int)(Next() % (ulong)longest));
            _places[count++] = at;
        }

        if (at < length || count == 0)
            _places[count++] = length;
        return _places.AsSpan(0, count);
    }

    // SplitMix64.
    private ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
