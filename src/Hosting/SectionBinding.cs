using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Sluice.Hosting;

/// <summary>Options out of a configuration section; what it does not know is a fault and not ignored: a name that is mistyped would be a default that nobody wanted.</summary>
internal static class SectionBinding
{
    public const string Reflection = "Configuration is bound by reflection. Use AddSluice() and set the options in code where this is trimmed.";

    private const string Preset = "Preset";
    private const string Redis = nameof(EngineOptions.Redis);
    private const string Servers = "Servers";

    [RequiresUnreferencedCode(Reflection)]
    [RequiresDynamicCode(Reflection)]
    public static void Bind(IConfiguration section, EngineOptions options)
    {
        Refuse(section, typeof(EngineOptions), [Preset], "");
        Refuse(section.GetSection(Redis), typeof(RedisOptions), [Servers], Redis + ":");
        Refuse(section.GetSection(nameof(EngineOptions.Locks)), typeof(EngineLockOptions), [], nameof(EngineOptions.Locks) + ":");
        try
        {
            if (section[Preset] is { } preset)
                options.Apply(Enum.Parse<EnginePreset>(preset, ignoreCase: true));
            section.Bind(options);
        }
        catch (Exception fault) when (fault is InvalidOperationException or ArgumentException)
        {
            throw new OptionsValidationException("", typeof(EngineOptions), [$"The configuration{Path(section)} can't be read: {fault.Message}"]);
        }

        if (section[Redis] is { Length: > 0 } server)
            options.Redis.Add(server);
        foreach (IConfigurationSection child in section.GetSection(Redis).GetSection(Servers).GetChildren())
        {
            if (child.Value is { Length: > 0 } address)
                options.Redis.Add(address);
        }
    }

    private static void Refuse(
        IConfiguration section, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] Type type, string[] others, string path)
    {
        string[] known = [.. type.GetProperties().Where(static property => property.GetMethod is { IsStatic: false }).Select(static property => property.Name), .. others];
        string[] unknown = [.. section.GetChildren().Select(static child => child.Key).Where(key => !known.Contains(key, StringComparer.OrdinalIgnoreCase))];
        if (unknown.Length != 0)
            throw new OptionsValidationException("", typeof(EngineOptions), [.. unknown.Select(key => $"The configuration{Path(section)} has '{path}{key}', which is no option.{Meant(key, known)}")]);
    }

    private static string Path(IConfiguration section) => section is IConfigurationSection { Path: { Length: > 0 } path } ? $" '{path}'" : "";

    /// <summary>The name that is one slip away.</summary>
    private static string Meant(string key, string[] known)
    {
        string? nearest = known.MinBy(name => Distance(key, name));
        return nearest is not null && Distance(key, nearest) <= 2 ? $" Did you mean '{nearest}'?" : "";
    }

    private static int Distance(string one, string other)
    {
        int[] row = [.. Enumerable.Range(0, other.Length + 1)];
        for (int i = 1; i <= one.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= other.Length; j++)
            {
                int kept = diagonal + (char.ToUpperInvariant(one[i - 1]) == char.ToUpperInvariant(other[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(kept, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}

/// <summary>The options' own check, where the host looks for one.</summary>
internal sealed class EngineOptionsValidation(string engine) : IValidateOptions<EngineOptions>
{
    public ValidateOptionsResult Validate(string? name, EngineOptions options)
    {
        if (name != engine)
            return ValidateOptionsResult.Skip;
        try
        {
            options.Validate();
            return ValidateOptionsResult.Success;
        }
        catch (OptionsException fault)
        {
            return ValidateOptionsResult.Fail(fault.Message);
        }
    }
}
