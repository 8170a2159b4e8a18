namespace Sluice.Dogpiling;

/// <summary>
/// Makes the lives of entries, many at a time, so that they lie beside each other and not between the entries. A hit reads an entry and never its life: with the lives between them, the entries of a large cache would be
/// spread over three times as many pages, and fetching a page's address costs a hit among many keys as much as fetching the entry.
/// </summary>
/// <remarks>Any thread. What was not taken yet is the only memory that it keeps.</remarks>
internal sealed class EntryLives
{
    private const int AtOnce = 64;

    private readonly Lock _gate = new();
    private readonly EntryLife?[] _made = new EntryLife?[AtOnce];
    private int _left;

    /// <summary>One that nobody has had.</summary>
    public EntryLife Take()
    {
        lock (_gate)
        {
            if (_left == 0)
            {
                for (; _left < AtOnce; _left++)
                    _made[_left] = new EntryLife();
            }

            EntryLife taken = _made[--_left]!;
            _made[_left] = null;
            return taken;
        }
    }
}
