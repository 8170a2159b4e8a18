namespace Sluice.Creators;

/// <summary>What callers were answered. Any thread.</summary>
internal sealed class Answers
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly List<string> _errors = [];

    public async Task AddAsync(ValueTask<string> call)
    {
        try
        {
            string answer = await call;
            lock (_gate)
                _counts[answer] = _counts.GetValueOrDefault(answer) + 1;
        }
        catch (Exception error)
        {
            lock (_gate)
                _errors.Add($"{error.GetType().Name}: {error.Message}");
        }
    }

    /// <summary>All of it in one line, and forgets it.</summary>
    public string Take()
    {
        lock (_gate)
        {
            string line = $"answered {string.Join(' ', _counts.Select(static count => $"{count.Key}x{count.Value}"))}; {_errors.Count} errors {string.Join(" | ", _errors.Distinct())}";
            _counts.Clear();
            _errors.Clear();
            return line;
        }
    }
}
